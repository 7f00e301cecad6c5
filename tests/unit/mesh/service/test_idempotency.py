import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from mesh.client.client import Client
from mesh.core.context import Caller, Context, working_on
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import Conflict, Fault, Unavailable
from mesh.service.clocks import Clocks
from mesh.service.idempotency import IdempotentWrites
from mesh.service.request import read_headers
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.mesh.sample_service import SAY, Said

ANNA, BERTA = (Caller(name, "s", frozenset({"ADMIN"})) for name in ("anna", "berta"))


class Write(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    text: str
    note: str | None = None


WRITE = Endpoint("sample.write", Write, Said, Access.ADMIN, verified=True, keyed=True)
ERASE = Endpoint("sample.erase", Write, Said, Access.ADMIN, verified=True, keyed=True)


class Book:
    """What is written to, and what it keeps of keys."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.kept: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self.busy = False

    async def write(self, request: Write) -> Said:
        self.lines.append(request.text)
        return Said(text=f"line {len(self.lines)}")

    async def keep(
        self, scope: str, key: str, digest: bytes, work: Callable[["Book"], Awaitable[bytes]]
    ) -> tuple[bytes, bytes] | None:
        if self.busy:
            return None
        if (scope, key) not in self.kept:
            self.kept[scope, key] = digest, await work(self)
        return self.kept[scope, key]


@pytest.fixture
def book() -> Book:
    return Book()


def with_key(key: str | None = "k", caller: Caller | None = ANNA) -> Context:
    return Context("r", asyncio.get_running_loop().time() + 5, caller=caller, idempotency_key=key)


async def write(
    book: Book, context: Context | None, text: str = "hello", endpoint: Endpoint[Write, Said] = WRITE
) -> str:
    request = Write(text=text)
    writes = IdempotentWrites(book, book.keep)
    if context is None:
        return (await writes(endpoint, request, lambda book: book.write(request))).text
    with working_on(context):
        return (await writes(endpoint, request, lambda book: book.write(request))).text


async def test_a_key_and_a_payload_are_executed_once(book: Book) -> None:
    assert ["line 1", "line 1"] == [await write(book, with_key()) for _ in range(2)]
    assert ["hello"] == book.lines


async def test_without_a_key_each_request_is_executed(book: Book) -> None:
    assert ["line 1", "line 2"] == [await write(book, with_key(None)), await write(book, None)]
    assert {} == book.kept


async def test_another_payload_under_the_same_key_is_a_conflict(book: Book) -> None:
    await write(book, with_key())

    with pytest.raises(Conflict) as refused:
        await write(book, with_key(), "goodbye")

    assert "idempotency_key_reused" == refused.value.reason
    assert ["hello"] == book.lines


async def test_a_key_is_a_users_own_and_good_for_one_subject(book: Book) -> None:
    told = [
        await write(book, with_key()),
        await write(book, with_key(caller=BERTA)),
        await write(book, with_key(caller=None)),
        await write(book, with_key(), endpoint=ERASE),
        await write(book, with_key("other")),
    ]

    assert [f"line {number}" for number in range(1, 6)] == told


async def test_a_request_is_told_from_another_by_its_contract_and_not_by_its_bytes(book: Book) -> None:
    writes = IdempotentWrites(book, book.keep)

    async def send(payload: bytes) -> str:
        request = WRITE.requests.validate_json(payload)
        with working_on(with_key()):
            return (await writes(WRITE, request, lambda book: book.write(request))).text

    assert "line 1" == await send(b'{"text":"a","note":null}') == await send(b'{ "note": null,\n"text": "\\u0061" }')
    with pytest.raises(Conflict):
        await send(b'{"text":"a"}')  # absent and null are two things


async def test_who_comes_while_the_first_is_at_work_may_try_again(book: Book) -> None:
    book.busy = True

    with pytest.raises(Unavailable) as refused:
        await write(book, with_key())

    assert ("request_in_progress", True) == (refused.value.reason, refused.value.code.retryable)


async def test_a_client_sends_the_key_only_where_it_is_kept() -> None:
    caller, seen = MemoryTransport(MemoryBroker(), "caller"), list[Message]()

    def answer(message: Message) -> None:
        seen.append(message)
        caller.broker.route(Message(message.reply, b'{"text":"hi"}', {}))

    for subject in ("sample.say", "sample.write"):
        await caller.subscribe(subject, answer)
    with working_on(with_key("a key")):
        await Client(caller).call(SAY, SAY.request())
        await Client(caller).call(WRITE, Write(text="hello"))
    with working_on(with_key()._replace(idempotency_key=None)):
        await Client(caller).call(WRITE, Write(text="hello"))

    assert [None, "a key", None] == [message.headers.get("Idempotency-Key") for message in seen]


def read(key: str, endpoint: Endpoint[Any, Any]) -> tuple[str | None, Fault | None]:
    message = Message(endpoint.subject, b"{}", {"Idempotency-Key": key}, "_INBOX_caller.1.2")
    found, fault = read_headers(message, endpoint, 0.0, Clocks(0.0))
    return found.idempotency_key, fault


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "tab\there"])
def test_a_key_that_does_not_fit_is_refused_by_name(key: str) -> None:
    _, fault = read(key, WRITE)

    assert fault is not None
    assert ("invalid_argument", ["Idempotency-Key"]) == (fault.code, [error.field for error in fault.errors])


@pytest.mark.parametrize("key", ["x", "x" * 255, "two words", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "~!"])
def test_any_printable_ascii_is_a_key(key: str) -> None:
    assert (key, None) == read(key, WRITE)


@pytest.mark.parametrize("key", ["", "x"])
def test_an_endpoint_that_keeps_no_keys_reads_none(key: str) -> None:
    assert (None, None) == read(key, SAY)
