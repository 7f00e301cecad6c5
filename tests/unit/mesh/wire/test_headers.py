import asyncio
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client as NatsClient

from mesh.wire.headers import MAX_BYTES, MAX_COUNT, STATUS, decode, encode
from mesh.wire.names import NAMES

names = st.text("!#$%&'*+-.^_`|~" + string.ascii_letters + string.digits, min_size=1, max_size=20)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=30).map(str.strip)


def by_the_library(block: bytes) -> dict[str, str] | None:
    return asyncio.run(NatsClient()._process_headers(block))  # noqa: SLF001  # the library's own decoder, to compare with


@given(st.dictionaries(names.filter(lambda name: name.lower() not in map(str.lower, NAMES)), texts, max_size=6))
def test_what_is_encoded_is_what_the_library_reads_and_what_is_decoded(headers: dict[str, str]) -> None:
    block = encode(headers)
    assert headers == (decode(block) if block else {})
    assert headers == (by_the_library(block) or {})


@pytest.mark.parametrize("name", NAMES)
def test_names_of_the_contract_are_read_in_any_case(name: str) -> None:
    assert [name] * 3 == [
        next(iter(decode(b"NATS/1.0\r\n%b: x\r\n\r\n" % one.encode()))) for one in (name, name.upper(), name.lower())
    ]


def test_other_names_stay_as_they_are() -> None:
    assert {"fOO": "1", "Foo": "2"} == decode(b"NATS/1.0\r\nfOO: 1\r\nFoo: 2\r\n\r\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_header_of_the_contract_is_there_once(name: str) -> None:
    with pytest.raises(ValueError, match="a header of the contract twice"):
        decode(f"NATS/1.0\r\n{name}: 1\r\n{name.lower()}: 1\r\n\r\n".encode())


def test_of_another_name_the_last_counts() -> None:
    assert {"A": "2", "X-Request-Id": "1"} == decode(b"NATS/1.0\r\nA: 1\r\nX-Request-Id: 1\r\nA: 2\r\n\r\n")


def test_blanks_around_a_value_are_not_of_it() -> None:
    assert {"A": "b c", "D": "", "E": "f:g"} == decode(b"NATS/1.0\r\nA:\t b c \r\nD:\r\nE:f:g\r\n\r\n")


def test_what_is_not_utf8_in_a_value_is_replaced() -> None:
    assert {"A": "\N{REPLACEMENT CHARACTER}b"} == decode(b"NATS/1.0\r\nA: \xffb\r\n\r\n")


@pytest.mark.parametrize(
    ("block", "headers"),
    [
        (b"NATS/1.0 503\r\n\r\n", {STATUS: "503"}),
        (b"NATS/1.0 404 No Messages\r\n\r\n", {STATUS: "404"}),
        (b"NATS/1.0 100 Idle\r\nA: b\r\n\r\n", {STATUS: "100", "A": "b"}),
        (b"NATS/1.0\r\n\r\n", {}),
    ],
)
def test_a_status_stands_in_the_first_line(block: bytes, headers: dict[str, str]) -> None:
    assert headers == decode(block)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"N",
        b"garbage\xff\xfe",
        b"NATS/1.0\xff\r\n\r\n",
        b"NATS/1.01\r\n\r\n",
        b"NATS/1.0503\r\n\r\n",
        b"NATS/1.0 5x3\r\n\r\n",
        b"NATS/1.0\r\nA: b\r\n",
        b"NATS/1.0\r\nA: b\r\n\r\n\r\n\r\n",
        b"NATS/1.0\r\nno colon\r\n\r\n",
        b"NATS/1.0\r\n: no name\r\n\r\n",
        b"NATS/1.0\r\nA B: c\r\n\r\n",
        b"NATS/1.0\r\nA : c\r\n\r\n",
        b"NATS/1.0\r\n\xff: c\r\n\r\n",
        b"NATS/1.0\r\nA: " + b"x" * MAX_BYTES + b"\r\n\r\n",
        b"NATS/1.0\r\n" + b"A: b\r\n" * (MAX_COUNT + 1) + b"\r\n",
        b"NATS/1.0 200" + b"\n" * 30_000 + b"\r\n\r\n",
    ],
)
def test_what_are_no_headers_is_an_error(block: bytes) -> None:
    with pytest.raises(ValueError, match="header"):
        decode(block)


def test_as_many_headers_as_are_allowed_are_read() -> None:
    names = [f"A{number}" for number in range(MAX_COUNT)]
    assert dict.fromkeys(names, "b") == decode(encode(dict.fromkeys(names, "b")))


@given(st.text("a :\r\n", max_size=8) | st.text(max_size=20))
def test_no_value_makes_another_header(value: str) -> None:
    try:
        block = encode({"A": value, "B": "b"})
    except UnicodeEncodeError:
        return
    assert {"A": value.replace("\r", " ").replace("\n", " ").strip(" \t"), "B": "b"} == decode(block)


@pytest.mark.parametrize("name", ["", "A B", "A:", "A\r\nB", "é", "A\x00"])
def test_no_name_makes_another_header(name: str) -> None:
    with pytest.raises(ValueError, match="token"):
        encode({name: "x"})
