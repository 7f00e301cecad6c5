"""What the services on MongoDB store is what docs/contracts says, so that another implementation can share it."""

import json
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from devstack.stack.stack import Stack
from services import WORKERS
from tests.support.contract.callers import Account
from tests.support.paths import ROOT

FOLDER = ROOT / "docs" / "contracts"
STORED = [worker.name for worker in WORKERS if worker.store == "mongo"]
_OPTIONS = ("key", "unique", "sparse", "expireAfterSeconds", "partialFilterExpression")


def collections(service: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{service}.json").read_bytes())["collections"]
    return found


@pytest.mark.parametrize("service", STORED)
async def test_the_collections_and_indexes_are_the_documented_ones(service: str, stack: Stack) -> None:
    async with AsyncMongoClient[dict[str, Any]](stack.state.databases[service]) as mongo:
        database = mongo.get_default_database()
        found = {}
        for name in collections(service):
            known = await database[name].index_information()
            found[name] = [
                {key: [list(pair) for pair in value] if key == "key" else value for key, value in index.items()}
                for title, index in sorted(known.items())
                if title != "_id_"
            ]
        undocumented = {*await database.list_collection_names()} - collections(service).keys()

    assert set() == undocumented
    for name, documented in collections(service).items():
        assert written(documented["indexes"]) == written(found[name]), name


def written(indexes: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps({key: index[key] for key in _OPTIONS if key in index}) for index in indexes)


@pytest.mark.parametrize("service", STORED)
async def test_every_document_has_the_documented_fields(
    service: str, stack: Stack, accounts: dict[str, Account]
) -> None:
    assert accounts, "they have carts, sessions and notifications"
    async with AsyncMongoClient[dict[str, Any]](stack.state.databases[service]) as mongo:
        for name, documented in collections(service).items():
            optional = {field.strip("[]") for field in documented["fields"] if field.startswith("[")}
            required = documented["fields"].keys() - {f"[{field}]" for field in optional}
            async for document in mongo.get_default_database()[name].find().limit(500):
                assert required <= document.keys() <= required | optional, name
