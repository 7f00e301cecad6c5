import asyncio
import json
import random
import re
from collections.abc import AsyncIterator

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.settings import HttpLimits
from tests.support.gateway.serving import Application, answer, refused, serving

LIMITS = HttpLimits(gateway_max_body=1000, gateway_max_head=2000)
HOST = b"host: a\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
CLOSE = b"connection: close\r\n"
LAST = GET + CLOSE + b"\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with method, path and body; a body that is broken with its status."""
    body, more, status = b"", True, 200
    try:
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
    except HTTPException as broken:
        status = broken.status_code
    said = f"<{scope['method']} {scope['path']} {body.decode('latin-1')}>"
    await PlainTextResponse(said, status)(scope, receive, send)


@pytest.fixture
def application() -> Application:
    made = Application()
    made.response = echo
    return made


@pytest.fixture
async def port(application: Application) -> AsyncIterator[int]:
    async with serving(application, LIMITS, ServerState()) as port:
        yield port


def statuses(said: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", said)]


def bodies(said: bytes) -> list[bytes]:
    """What `echo` was asked."""
    return re.findall(rb"<([^>]*)>", said, re.DOTALL)


async def test_a_refusal_waits_for_the_answer_before_it(port: int, application: Application) -> None:
    application.gate.clear()
    saying = asyncio.create_task(answer(port, POST + b"content-length: 2\r\n\r\n{}garbage\r\n\r\n", pause=0))
    await application.began.wait()
    assert not saying.done()
    application.gate.set()
    said = await saying
    assert ([200, 400], [b"POST / {}"]) == (statuses(said), bodies(said))


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"x" * 3000, b"\r\n\r\n\x00"]
)
async def test_a_refusal_is_the_last_of_the_answers(port: int, garbage: bytes) -> None:
    said = await answer(port, (GET + b"\r\n") * 3 + garbage, pause=0)
    assert [200] * 3 == statuses(said)[:3]
    assert 4 == len(statuses(said))
    assert said.count(b"connection: close") == 1


async def test_many_small_requests_in_one_read_are_as_many_heads(port: int) -> None:
    said = await answer(port, (GET + b"\r\n") * 500 + LAST, pause=0)
    assert [200] * 501 == statuses(said)


async def test_after_the_request_that_is_the_last_nothing_is_read(port: int) -> None:
    said = await answer(port, LAST + GET + b"\r\n" + b"garbage", pause=0)
    assert [200] == statuses(said)


STREAM = {
    "pipelined": (
        GET + b"\r\n" + POST + b"content-length: 5\r\n\r\n{\r\n\r\n"
        + CHUNKED + b"3;a=b\r\nabc\r\n4\r\n\r\n\r\n\r\n0\r\nx: y\r\n\r\n"
        + b"\r\n" + CHUNKED + b"0\r\n\r\n" + LAST,
        [b"GET / ", b"POST / {\r\n\r\n", b"POST / abc\r\n\r\n", b"POST / ", b"GET / "],
    ),
    "chunks full of line ends": (
        CHUNKED + b"".join(b"%x\r\n%b\r\n" % (size, (b"\r\n\r\n" * size)[:size]) for size in range(1, 12))
        + b"0\r\n\r\n" + LAST,
        [b"POST / " + b"".join((b"\r\n\r\n" * size)[:size] for size in range(1, 12)), b"GET / "],
    ),
    "requests within bodies": (
        CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(LAST), LAST)
        + POST + b"content-length: %d\r\n\r\n" % len(LAST) + LAST + LAST,
        [b"POST / " + LAST, b"POST / " + LAST, b"GET / "],
    ),
    "upgrades": (
        POST + b"connection: upgrade\r\nUpgrade: h2c\r\ncontent-length: %d\r\n\r\n" % len(LAST) + LAST + LAST,
        [b"POST / " + LAST],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("stream", "asked"), STREAM.values(), ids=STREAM)
async def test_a_message_ends_at_the_same_byte_however_it_comes(port: int, stream: bytes, asked: list[bytes]) -> None:
    shuffled = random.Random(1)  # for variety
    cuts = [[at] for at in range(1, len(stream), 7)]
    cuts += [sorted(shuffled.sample(range(1, len(stream)), 8)) for _ in range(20)] + [list(range(1, len(stream)))]
    for some in cuts:
        parts = [stream[begin:end] for begin, end in zip([0, *some], [*some, len(stream)], strict=True)]
        assert asked == bodies(await answer(port, *parts, pause=0)), some


SURPLUS = {
    "a trailer": CHUNKED + b"2\r\n{}\r\n0\r\n" + b"a: b\r\n" * 500,
    "a trailer's name": CHUNKED + b"0\r\n" + b"a" * 3000,
    "a trailer's value": CHUNKED + b"0\r\na: " + b"b" * 3000,
    "an extension": CHUNKED + b"2;" + b"a" * 3000,
    "an extension's value": CHUNKED + b'2;a="' + b"b" * 3000,
    "the extensions of many chunks": CHUNKED + b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nb\r\n" * 100,
    "a last chunk's extension": CHUNKED + b"0;" + b"a" * 3000,
    "a size": CHUNKED + b"0" * 3000,
}


@pytest.mark.parametrize("sent", SURPLUS.values(), ids=SURPLUS)
@pytest.mark.parametrize("size", [5000, 100])
async def test_what_is_around_a_body_is_counted_like_a_head(port: int, sent: bytes, size: int) -> None:
    said = await answer(port, *(sent[at : at + size] for at in range(0, len(sent), size)), pause=0)
    assert [413] == statuses(said)
    assert b"connection: close" in said


@pytest.mark.parametrize(
    "rest",
    [b"0\r\na: " + b"b" * 3000, b"fffffff\r\n" + b"\r\n\r\n" * 251, b"1f5\r\n%b\r\n" % (b"a" * 501) * 2],
    ids=["a trailer", "content of one chunk", "content of two"],
)
async def test_too_much_of_a_body_that_nobody_reads_ends_the_connection(
    port: int, application: Application, rest: bytes
) -> None:
    application.response = PlainTextResponse("unread")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(CHUNKED)
    await reader.readuntil(b"unread")
    writer.write(rest)
    assert b"" == await asyncio.wait_for(reader.read(), 5)
    writer.close()


async def test_the_smallest_chunks_are_taken(port: int) -> None:
    said = await answer(port, CHUNKED + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n" + LAST, pause=0)
    assert [b"POST / " + b"a" * 1000, b"GET / "] == bodies(said)


@pytest.mark.parametrize(
    "chunks", [b"x", b"2\r\n{}0", b"2\n{}\n", b"-1\r\n", b"2 \r\n", b"0\r\na : b\r\n\r\n", b"f" * 17 + b"\r\n"]
)
async def test_a_body_that_is_broken_is_400_and_the_last(port: int, chunks: bytes) -> None:
    said = await answer(port, CHUNKED, chunks + LAST, pause=0)
    assert [400] == statuses(said)
    assert b"connection: close" in said


@pytest.mark.parametrize(
    ("status", "reason", "fields"),
    [
        (501, "unsupported_transfer_coding", b"transfer-encoding: gzip, chunked\r\n"),
        (417, "expectation_failed", b"expect: 200-ok\r\n"),
        (400, "malformed_request", b"transfer-encoding: gzip\r\n"),
        (400, "malformed_request", b"host: b\r\n"),
    ],
)
async def test_what_the_gateway_will_not_read_is_refused_in_its_own_words(
    port: int, status: int, reason: str, fields: bytes
) -> None:
    refused(await answer(port, POST + fields + b"\r\n" + LAST, pause=0), status, reason)


@pytest.mark.parametrize(
    "refused_",
    [
        HOST + b"expect: a\r\n\r\n",
        HOST + b"a b: c\r\n\r\n",
        HOST + b"transfer-encoding: gzip\r\n\r\n",
        b"a: " + b"b" * 3000,
    ],
    ids=["an expectation", "no field", "a coding", "too much"],
)
@pytest.mark.parametrize("before", [b"", b"\r\n", GET + b"\r\n"], ids=["first", "behind a line end", "behind another"])
async def test_a_refusal_of_head_has_no_content(port: int, before: bytes, refused_: bytes) -> None:
    answered = (await answer(port, before + b"HEAD / HTTP/1.1\r\n" + refused_, pause=0)).split(b"HTTP/1.1 ")[-1]
    assert answered.startswith((b"4", b"5"))
    assert b"content-length: 0" not in answered
    assert answered.endswith(b"\r\n\r\n")


async def test_a_url_for_tls_is_misdirected(port: int) -> None:
    refused(await answer(port, b"GET https://a/ HTTP/1.1\r\n" + HOST + b"\r\n"), 421, "misdirected_request")


EXPECTING = POST + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n"


async def test_who_waits_for_a_word_before_the_body_gets_it(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(EXPECTING)
    assert b"HTTP/1.1 100 Continue\r\n\r\n" == await reader.readuntil(b"\r\n\r\n")
    writer.write(b"{}" + LAST)
    assert [b"POST / {}", b"GET / "] == bodies(await reader.read())
    writer.close()


async def test_a_body_that_nobody_asked_for_may_not_be_there_so_the_connection_ends(
    port: int, application: Application
) -> None:
    application.response = PlainTextResponse("no")
    for body in (b"", b"{}"):
        said = await answer(port, EXPECTING + body + GET + b"\r\n", pause=0)
        assert [200] == statuses(said)
        assert b"connection: close" in said


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}",
        GET + CLOSE + b"expect: 100-continue\r\n\r\n",
    ],
    ids=["HTTP/1.0", "no body"],
)
async def test_who_cannot_wait_for_a_word_gets_none(port: int, request_: bytes) -> None:
    assert [200] == statuses(await answer(port, request_, pause=0))


async def test_a_whole_url_names_the_host(port: int, application: Application) -> None:
    async def host(scope: Scope, receive: Receive, send: Send) -> None:
        names = [value.decode() for name, value in scope["headers"] if name == b"host"]
        await PlainTextResponse(json.dumps([scope["path"], *names]))(scope, receive, send)

    application.response = host
    said = await answer(port, b"GET http://b:1/c%20d?e HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", pause=0)
    assert ["/c d", "b:1"] == json.loads(said.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("answered", [POST + CLOSE, POST + b"connection: upgrade\r\nupgrade: a\r\n"])
async def test_an_answer_to_a_client_that_still_sends_is_not_lost(
    port: int, application: Application, answered: bytes
) -> None:
    application.response = PlainTextResponse("unread")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(answered + b"content-length: 9000000\r\n\r\n")
    await application.ended.wait()
    for _ in range(50):
        writer.write(b"x" * 10_000)
        await writer.drain()
    assert (await reader.read()).endswith(b"unread")
    writer.close()


async def test_a_client_that_ends_its_sending_counts_as_gone(port: int, application: Application) -> None:
    application.gate.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET + b"\r\n")
    await application.began.wait()
    writer.write_eof()
    assert b"" == await asyncio.wait_for(reader.read(), 5)
    await asyncio.wait_for(application.ended.wait(), 5)
    writer.close()
