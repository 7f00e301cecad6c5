"""Conditions (RFC 9110, section 13) held against a tag and a date."""

import contextlib
import time
from typing import Final

import pytest
from pydantic import BaseModel

from gateway.semantics.conditions import resource_with_digest, tags, unmet, version_of
from mesh.core.errors import Invalid

Header = tuple[bytes, bytes]

THEN, NOW = b"Tue, 10 Nov 2026 08:00:00 GMT", b"Wed, 11 Nov 2026 08:00:00 GMT"
FORMS: Final = (b"Tuesday, 10-Nov-26 08:00:00 GMT", b"Tue Nov 10 08:00:00 2026", THEN)


@pytest.mark.parametrize(
    ("headers", "reads", "expected"),
    [
        *(([(b"if-modified-since", form)], True, 304) for form in FORMS),
        ([(b"if-modified-since", NOW)], True, 304),
        ([(b"if-modified-since", b"Mon, 09 Nov 2026 08:00:00 GMT")], True, None),
        ([(b"if-modified-since", THEN)], False, None),
        ([(b"if-modified-since", THEN), (b"if-modified-since", THEN)], True, None),
        ([(b"if-modified-since", b"2026-11-10")], True, None),
        ([(b"if-modified-since", THEN), (b"if-none-match", b'"x"')], True, None),
        ([(b"if-unmodified-since", THEN)], True, None),
        ([(b"if-unmodified-since", b"Mon, 09 Nov 2026 08:00:00 GMT")], True, 412),
        ([(b"if-unmodified-since", b"Mon, 09 Nov 2026 08:00:00 GMT")], False, 412),
        ([(b"if-unmodified-since", b"yesterday")], True, None),
        ([(b"if-unmodified-since", b"Mon, 09 Nov 2026 08:00:00 GMT"), (b"if-match", b'"a"')], True, None),
        ([(b"if-match", b'"b"')], True, 412),
        ([(b"if-none-match", b'W/"a"')], False, 412),
    ],
)
def test_dates_count_where_no_tags_do(headers: list[Header], reads: bool, expected: int | None) -> None:  # noqa: FBT001
    assert expected == unmet(headers, b'"a"', THEN, reads=reads)


def test_dates_count_for_nothing_where_a_resource_has_none() -> None:
    assert None is unmet([(b"if-modified-since", NOW), (b"if-unmodified-since", THEN)], b'"a"', None, reads=True)


def test_a_weak_tag_of_the_resource_matches_weakly_alone() -> None:
    assert 412 == unmet([(b"if-match", b'W/"a"')], b'W/"a"', None, reads=True)
    assert 304 == unmet([(b"if-none-match", b'"a"')], b'W/"a"', None, reads=True)


class Shown(BaseModel):
    version: int
    price: str


def test_a_digest_tells_apart_what_has_one_version_and_a_write_compares_the_version() -> None:
    one, same, other = (resource_with_digest(Shown(version=7, price=price)) for price in ("1.00", "1.00", "2.00"))

    assert one.headers["etag"] == same.headers["etag"] != other.headers["etag"]
    assert {7} == {version_of(response.headers["etag"].encode()) for response in (one, other)}


@pytest.mark.parametrize("tag", [b'"7-"', b'"7-0123"', b'"7-0123456789ABCDEF"', b'"-0123456789abcdef"', b'"0"'])
def test_a_tag_of_another_form_names_no_version(tag: bytes) -> None:
    assert version_of(tag) is None


@pytest.mark.parametrize(
    "value", [b" " * 32_000 + b"x", b"," * 32_000 + b"x", b'""' * 16_000, b'"' * 32_000, b'"", ' * 8_000]
)
def test_a_long_list_takes_no_time(value: bytes) -> None:
    started = time.process_time()
    with contextlib.suppress(Invalid):
        tags([(b"if-match", value)], b"if-match")
    assert time.process_time() - started < 0.5
