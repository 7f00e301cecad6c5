from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.protocol.parser import Parser as NatsParser

from mesh.nats.parser import LARGEST_MESSAGE, LONGEST_LINE, Parser

Event = tuple[Any, ...]

tokens = st.text("abcXYZ019_-$é", min_size=1, max_size=12)
subjects = st.lists(tokens, min_size=1, max_size=4).map(".".join).map(str.encode)
payloads = st.binary(max_size=60) | st.sampled_from([b"\r\n", b"PING\r\n", b"MSG a 1 5\r\n", bytes(100_000)])
heads = st.binary(max_size=40).map(lambda lines: b"NATS/1.0\r\n" + lines + b"\r\n\r\n")
messages = st.tuples(
    subjects, st.integers(1, 10**9), st.none() | subjects, st.just(b"") | heads, payloads
)  # fmt: skip
lines = st.sampled_from([b"PING", b"PONG", b"+OK", b"-ERR 'Some Error'", b'INFO {"ldm":true}'])


def sent(thing: Any) -> bytes:  # noqa: ANN401  # a message or a line
    """As a server sends it."""
    if isinstance(thing, bytes):
        return thing + b"\r\n"
    subject, sid, reply, head, payload = thing
    sizes = b"%d %d" % (len(head), len(head + payload)) if head else b"%d" % len(payload)
    fields = [b"HMSG" if head else b"MSG", subject, b"%d" % sid, *([reply] if reply else []), sizes]
    return b"%b\r\n%b%b\r\n" % (b" ".join(fields), head, payload)


class Library:
    """What nats-py's own parser makes of it."""

    def __init__(self) -> None:
        self.seen: list[Event] = []
        self._parser = NatsParser(self)

    def feed(self, data: bytes) -> None:
        work: Coroutine[Any, Any, None] = self._parser.parse(data)
        with pytest.raises(StopIteration):
            work.send(None)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self.seen.append((sid, subject, reply, headers or b"", data))

    async def _process_ping(self) -> None:
        self.seen.append((b"PING",))

    async def _process_pong(self) -> None:
        self.seen.append((b"PONG",))

    async def _process_err(self, error: str) -> None:
        self.seen.append((b"-ERR", error))

    async def _process_info(self, info: dict[str, object]) -> None:
        self.seen.append((b"INFO", info))


class Ours:
    def __init__(self) -> None:
        self.seen: list[Event] = []
        self._parser = Parser(self._message, self._line)

    def feed(self, data: bytes) -> None:
        self._parser.feed(data)

    def _message(self, sid: bytes, subject: bytes, reply: bytes, head: bytes, payload: bytes) -> None:
        self.seen.append((int(sid), subject, reply, head, payload))

    def _line(self, line: bytes) -> None:
        known: dict[bytes, list[Event]] = {
            b"PING": [(b"PING",)],
            b"PONG": [(b"PONG",)],
            b"+OK": [],
            b"-ERR 'Some Error'": [(b"-ERR", "'some error'")],
            b'INFO {"ldm":true}': [(b"INFO", {"ldm": True})],
        }
        self.seen += known[line]


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places) if a < b]


@given(st.lists(messages | lines, max_size=8), st.lists(st.integers(0, 10**6), max_size=12))
def test_in_whatever_pieces_it_comes_it_is_what_the_library_makes_of_it(things: list[Any], cuts: list[int]) -> None:
    ours, library = Ours(), Library()
    for piece in pieces(b"".join(map(sent, things)), cuts):
        ours.feed(piece)
        library.feed(piece)
        assert library.seen == ours.seen


def test_byte_by_byte_and_nothing_before_it_is_complete() -> None:
    ours = Ours()
    message = sent((b"a.b", 7, b"_INBOX.x", b"NATS/1.0\r\nA: b\r\n\r\n", b"body\r\n"))
    for byte in message[:-1]:
        ours.feed(bytes([byte]))
    assert [] == ours.seen
    ours.feed(message[-1:])
    assert [(7, b"a.b", b"_INBOX.x", b"NATS/1.0\r\nA: b\r\n\r\n", b"body\r\n")] == ours.seen


def test_a_subject_that_holds_a_blank_of_another_kind_does_not_shift_the_fields() -> None:
    ours = Ours()
    ours.feed(b"MSG work.\x0b9 3 2\r\nhi\r\nMSG work.\x0c9 3 2\r\nhi\r\n")  # the library would take 9 for the id
    assert [(3, b"work.\x0b9", b"", b"", b"hi"), (3, b"work.\x0c9", b"", b"", b"hi")] == ours.seen


@pytest.mark.parametrize(
    "nonsense",
    [
        b"MSG\r\n",
        b"HMSG\r\n",
        b"MSG a 1\r\n",
        b"MSG a 1 b c 1\r\n",
        b"MSG a 1 -1\r\n",
        b"MSG a 1 one\r\n",
        b"HMSG a 1 5 4\r\n",
        b"HMSG a 1 -5 4\r\n",
        b"x" * (LONGEST_LINE + 1),
        b"MSG a 1 %d\r\n" % (LARGEST_MESSAGE + 1),
        b"MSG a 1 " + b"9" * 5000 + b"\r\n",
    ],
)
def test_what_no_server_sends_is_an_error(nonsense: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Ours().feed(nonsense)
