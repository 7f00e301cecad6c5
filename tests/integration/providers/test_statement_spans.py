"""What the span of a traced request learns of its statements: text, time and outcome, and no value."""

import asyncio
import json
import time
from collections.abc import Mapping

import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from providers.errors import DatabaseUnavailable
from providers.mongo import database as mongo
from providers.postgres.database import open_database
from providers.terms import Terms
from tests.support.waiting import until

Statement = tuple[Mapping[str, str], int, int, str | None]


class Recorder:
    """A span that keeps what it is told."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []

    def statement(self, about: Mapping[str, str], started: int, ended: int, failure: str | None) -> None:
        self.statements.append((about, started, ended, failure))

    def summaries(self) -> list[str]:
        """Operation, collection and failure of each."""
        names = ("db.operation.name", "db.collection.name")
        return [
            " ".join(filter(None, (*(about.get(name) for name in names), failure)))
            for about, _, _, failure in self.statements
        ]


async def test_sql_is_recorded_without_its_values(customers_url: str) -> None:
    span = Recorder()
    traced = [True]
    terms = Terms(span=lambda: span if traced[0] else None)
    async with open_database(SecretStr(customers_url), name="test", size=1, terms=terms) as database:
        began = time.time_ns()
        await database.fetch("SELECT oid\n  FROM pg_class WHERE relname = $1", "nancy")
        over = time.time_ns()
        async with database.transaction() as connection:
            await connection.execute("CREATE TEMPORARY TABLE people (name text)")
            await connection.fetchval("INSERT INTO people VALUES ($1)", "nancy")
        with pytest.raises(DatabaseUnavailable):
            await database.fetch("SELECT 1 FROM absent")
        await until(lambda: len(span.statements) == 6)
        traced[0] = False
        await database.fetch("SELECT 1")
        await asyncio.sleep(0)
    assert ["SELECT pg_class", "BEGIN", "CREATE", "INSERT people", "COMMIT", "SELECT absent 42P01"] == span.summaries()
    about, started, ended, _ = span.statements[0]
    assert ("postgresql", "SELECT oid FROM pg_class WHERE relname = $1") == (
        about["db.system.name"],
        about["db.query.text"],
    )
    assert began <= started < ended <= over
    assert "nancy" not in json.dumps(span.statements)


@pytest.mark.parametrize("driver", [mongo.DRIVER, AsyncMongoClient], ids=["motor", "pymongo"])
async def test_commands_of_mongodb_are_recorded_without_their_values(auth_url: str, driver: type[mongo.Client]) -> None:
    span = Recorder()
    traced = [False]
    async with mongo.open_database(
        SecretStr(auth_url), default_name="auth", span=lambda: span if traced[0] else None, driver=driver
    ) as database:
        people = database["traced"]
        await people.insert_one({"_id": "untraced"})
        traced[0] = True
        await people.insert_one({"_id": "nancy"})
        await people.update_one({"_id": "nancy"}, {"$set": {"by.nancy@northwind.example": "nancy", "n": 7}})
        await people.find_one({"$or": [{"_id": "nancy"}, {"n": {"$gt": 6}}]})
        with pytest.raises(OperationFailure):
            await people.update_one({"_id": "nancy"}, {"$inc": {"_id": 1}})
        with pytest.raises(OperationFailure):
            await people.find_one({"$nancy": 1})
        traced[0] = False
        await people.drop()
    assert [
        "insert traced",
        "update traced",
        "find traced",
        "update traced",
        "find traced 2",
    ] == span.summaries()
    change = {"$set": {"by.?.example": "?", "n": "?"}}
    assert [
        {"insert": "traced"},
        {"update": "traced", "updates": [{"q": {"_id": "?"}, "u": change, "multi": "?", "upsert": "?"}]},
        {"find": "traced", "filter": {"$or": [{"_id": "?"}, {"n": {"$gt": "?"}}]}},
    ] == [
        {name: value for name, value in json.loads(about["db.query.text"]).items() if name != "limit"}
        for about, *_ in span.statements[:3]
    ]
    assert all(started < ended for _, started, ended, _ in span.statements)
