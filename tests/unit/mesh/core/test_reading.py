"""What another process sends is read within bounds, however it is made."""

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final

import pytest
from pydantic import BaseModel, Field

from mesh.core.reading import Reader, Unreadable

_MOST: Final = 800 * 1024
_ROUNDS: Final = 5
_FULL: Final = _MOST - 64


class Item(BaseModel):
    a: str
    b: str | None
    c: str
    d: datetime
    e: int
    f: bool
    g: str
    h: str
    note: str = ""


class Page(BaseModel):
    items: tuple[Item, ...]
    next_cursor: str | None


class Aliases(BaseModel):
    kind: Annotated[str, Field(alias="type")]
    schema_: Annotated[dict[str, Item], Field(alias="schema")] = {}


ITEM: Final = b'{"a":"x","b":null,"c":"y","d":"2026-01-01T00:00:00Z","e":1,"f":true,"g":"z","h":"w"}'
HONEST: Final = b'{"items":[' + b",".join([ITEM] * 200) + b'],"next_cursor":null}'
read_item = Reader(Item, 8 * 1024)
read_page = Reader(Page, _MOST)


def full(begin: bytes, piece: bytes, end: bytes, most: int = _FULL) -> bytes:
    """As many pieces as fit."""
    return begin + piece * ((most - len(begin) - len(end)) // len(piece)) + end


def keys(most: int) -> bytes:
    """An object of as many different names as fit."""
    return b"{" + b",".join(b'"k%06d":1' % number for number in range(most // 12)) + b"}"


def cost(read: Reader[Any], data: bytes) -> float:
    """Seconds of the loop, at best: of this thread alone, whatever else the machine does."""
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.thread_time()
        with suppress(Unreadable):
            read(data)
        best = min(best, time.thread_time() - began)
    return best


HOSTILE: Final[dict[str, Callable[[int], bytes]]] = {
    "keys": keys,
    "duplicates": lambda most: full(b"{", b'"a":1,', b'"a":1}', most),
    "an array": lambda most: full(b'{"z":[', b"1,", b"1]}", most),
    "objects": lambda most: full(b'{"z":[', b'{"a":1},', b"1]}", most),
    "empty items": lambda most: full(b'{"items":[', b"{},", b"{}]}", most),
    "wrong items": lambda most: full(b'{"items":[', b"1,", b"1]}", most),
    "an item of all wrong types": lambda most: full(b'{"items":[{"a":[', b"1,", b"1]}]}", most),
    "infinite numbers": lambda most: full(b'{"e":[', b"1e400,", b"1]}", most),
    "digits": lambda most: full(b'{"e":', b"1", b"}", most),
    "numbers of many digits": lambda most: full(b'{"e":[', b"1" * 4000 + b",", b"1]}", most),
    "depth": lambda most: full(b"", b"[", b"", most),
    "deep objects": lambda most: full(b"", b'{"a":', b"", most),
    "escapes": lambda most: full(b'{"a":"', b"\\u0001", b'"}', most),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_list_costs_little_more_than_an_honest_one_of_its_size(kind: str) -> None:
    honest = b'{"items":[' + b",".join([ITEM] * (_FULL // (len(ITEM) + 1) - 1)) + b'],"next_cursor":null}'
    gc.disable()
    try:
        ratio = cost(read_page, HOSTILE[kind](_FULL)) / cost(read_page, honest)
    finally:
        gc.enable()
    assert ratio < 8


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_resource_costs_less_than_a_page(kind: str) -> None:
    gc.disable()
    try:
        ratio = cost(read_item, HOSTILE[kind](8 * 1024 - 64)) / cost(read_page, HONEST)
    finally:
        gc.enable()
    assert ratio < 1


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("most", [512, 513, 1024])
def test_what_is_short_costs_no_more_than_a_page_either(kind: str, most: int) -> None:
    gc.disable()
    try:
        ratio = max(cost(read, HOSTILE[kind](most)) for read in (read_item, read_page)) / cost(read_page, HONEST)
    finally:
        gc.enable()
    assert ratio < 1


def test_what_is_too_long_is_refused_unread() -> None:
    padded = ITEM[:-1] + b',"note":"' + b"x" * 8 * 1024 + b'"}'
    with pytest.raises(Unreadable, match="8192"):
        read_item(padded)
    assert "x" == Reader(Item, len(padded))(padded).a


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"not json",
        b"\xff\xfe",
        b"{",
        ITEM[:-1],
        ITEM + b"x",
        b"[" * 4000,
        b'{"a":' * 1000,
        ITEM.replace(b'"e":1', b'"e":1e400'),
        ITEM.replace(b'"e":1', b'"e":NaN'),
        ITEM.replace(b'"e":1', b'"e":-Infinity'),
        ITEM.replace(b'"e":1', b'"e":' + b"9" * 5000),
        ITEM.replace(b'"e":1', b'"e":1.5'),
        ITEM.replace(b'"e":1', b'"e":[]'),
        ITEM.replace(b'"x"', b'"\\ud800"'),
        ITEM.replace(b'"x"', b'"\xed\xa0\x80"'),
        ITEM.replace(b'"x"', b"null"),
        ITEM.replace(b'"a"', b'"A"'),
        ITEM.replace(b"2026", b"9999999999"),
    ],
)
def test_what_does_not_fit_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_item(data)
    with pytest.raises(Unreadable):
        read_page(b'{"items":[' + (data or b"{}") + b'],"next_cursor":null}')


def test_it_says_what_is_wrong_and_nothing_of_what_came() -> None:
    with pytest.raises(Unreadable, match=r"^next_cursor is missing$"):
        read_page(b'{"items":[],"s3cret":1}')
    with pytest.raises(Unreadable, match=r"^items\.0\.e: Input should be a valid integer"):
        read_page(b'{"items":[' + ITEM.replace(b'"e":1', b'"e":{"s3cret":1}') + b'],"next_cursor":null}')


def test_what_fits_is_read_as_the_model_reads_it() -> None:
    for data in (ITEM, ITEM[:-1] + b',"unknown":{"a":[1,2]},"a":"last"}'):
        assert Item.model_validate_json(data) == read_item(data)
    assert Page.model_validate_json(HONEST) == read_page(HONEST)


def test_names_of_fields_that_mean_something_in_a_schema_are_no_more_than_names() -> None:
    read = Reader(Aliases, 1000)
    assert {"x": Item.model_validate_json(ITEM)} == read(b'{"type":"list","schema":{"x":' + ITEM + b"}}").schema_
    with pytest.raises(Unreadable, match="missing"):
        read(b"{}")
    with pytest.raises(Unreadable) as caught:
        read(b'{"type":"list","schema":{"\\u001b[2J\\u202e":1}}')
    assert str(caught.value).isprintable()
