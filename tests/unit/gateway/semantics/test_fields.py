"""The header fields of a request, read once for all middleware."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from starlette.types import Message, Scope

from gateway.semantics.fields import fields

Header = tuple[bytes, bytes]


class Counted(list[Header]):
    """Headers that count how often they are read."""

    readings = 0

    def __iter__(self) -> Iterator[Header]:
        self.readings += 1
        return super().__iter__()


def test_several_lines_of_a_field_are_one_list() -> None:
    headers = [(b"accept", b"a"), (b"host", b"h"), (b"accept", b"b, c")]
    assert {b"accept": b"a, b, c", b"host": b"h"} == fields({"headers": headers})


def test_a_field_that_is_hidden_later_was_sent_all_the_same() -> None:
    scope: Scope = {"headers": [(b"if-match", b"*")]}
    fields(scope)
    scope["headers"] = []
    assert {b"if-match": b"*"} == fields(scope)


@pytest.mark.parametrize("asked", [(), [(b"accept-encoding", b"gzip")]])
async def test_the_fields_of_a_read_are_looked_through_once(
    app: FastAPI, http: AsyncClient, user: dict[str, str], asked: list[Header]
) -> None:
    await http.get("/v1/customers/ALFKI", headers=user)  # the token's keys are fetched
    sent: list[Message] = []
    headers = Counted([(b"host", b"h"), (b"authorization", user["Authorization"].encode()), *asked])

    async def send(message: Message) -> None:
        sent.append(message)

    await app(_get("/v1/customers/ALFKI", headers), _nothing, send)
    assert (200, 1) == (sent[0]["status"], headers.readings)


def _get(path: str, headers: list[Header]) -> Scope:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
    }


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
