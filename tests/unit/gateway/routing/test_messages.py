"""What people read about a wrong field: our words, for every field of every request."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from gateway.routing.declarations import api_routes
from mesh.wire import validation
from mesh.wire.field_messages import message
from subjects import ENDPOINTS
from tests.support.http.problems import problem

WRONG: Final[tuple[Any, ...]] = (
    *(None, True, 1.5, -1, 0, 10**12, "", " ", "\x00", "é!", "x" * 5000, "2026-02-30", "1.001"),
    *([], ["x"], [0] * 500, {}, {"unknown": 1}, [{}], [{}] * 500, ["ALFKI"] * 500, [{"unknown": 1}]),
)
OURS: Final = re.compile(r"(?:must|is|has|does) [^^$\\{}\[\]]+")
"""No braces, brackets and anchors: nothing of a regular expression."""
OF_PYDANTIC: Final = {error["type"] for error in list_all_errors()}


def requests(app: FastAPI) -> Iterator[type[BaseModel]]:
    """Every request on NATS, and every body and query over HTTP."""
    yield from {endpoint.request for endpoint in ENDPOINTS}
    for route in api_routes(app):
        fields = [*route.dependant.query_params, *route.dependant.body_params]
        found = [field.field_info.annotation for field in fields]
        yield from (one for one in found if isinstance(one, type) and issubclass(one, BaseModel))


def mistakes(model: type[BaseModel]) -> Iterator[ValidationError]:
    """What pydantic says of each wrong value of each field."""
    adapter = TypeAdapter(model)
    for name in (*model.model_fields, "no_such_field"):
        for value in WRONG:
            try:
                adapter.validate_python({name: value})
            except ValidationError as error:
                yield error


def test_no_field_of_a_request_is_told_wrong_in_words_of_pydantic(app: FastAPI) -> None:
    seen = set()
    for model in requests(app):
        for mistake in mistakes(model):
            raw = {error["msg"] for error in mistake.errors() if error["type"] in OF_PYDANTIC}
            said = {one.message for one in validation.invalid_payload(mistake, b"{}").errors}
            assert raw.isdisjoint(said), model
            assert [] == [words for words in said if not OURS.fullmatch(words)], model
            seen |= said
    assert {
        "is required",
        "is not a known field",
        "is not an e-mail address",
        "must be five capital letters",
        "must not be blank or contain the character NUL",
        "must not be empty",
        "must be at most 80 characters",
        "must be at least 1",
        "must have at most 200 items",
    } <= seen


@pytest.mark.parametrize("error", list_all_errors(), ids=lambda error: error["type"])
def test_every_error_of_pydantic_has_words_of_ours(error: dict[str, Any]) -> None:
    raw = error["example_message_python"]
    said = message({"type": error["type"], "msg": raw, "ctx": error["example_context"] or {}})
    assert raw != said
    assert not {"{", "}", "Input", "String"} & set(re.findall(r"[{}]|\w+", said))


async def test_a_wrong_parameter_is_told_in_our_words(http: AsyncClient, user: dict[str, str]) -> None:
    told = await http.get("/v1/customers?limit=0&sort=colour&city=%00&cursor=,", headers=user)
    said = {error.field: error.message for error in problem(told, 422, "invalid_request").errors}
    assert "must be at least 1" == said["limit"]
    assert said["sort"].startswith("must be 1 to 3 of customer_id, company_name, city, country, each once")
    assert "must be a `next_cursor` as received" == said["cursor"]
    assert "must not be blank or contain the character NUL" == said["city"]
    person = {"email": "nancy@northwind.example", "password": "correct horse"}
    key = await http.post("/v1/auth/register", json=person, headers={"Idempotency-Key": "tab\there"})
    assert ["must be printable characters of ASCII"] == [
        e.message for e in problem(key, 422, key.json()["reason"]).errors
    ]
