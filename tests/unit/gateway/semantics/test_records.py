"""Rows of a body that comes in pieces."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.semantics.records import LONGEST_ROW, Records, cells_of
from mesh.core.errors import Invalid, TooLarge

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00") | st.sampled_from('",\r\n\ufeff'), max_size=12)
TABLES = st.lists(st.lists(TEXTS, min_size=2, max_size=4), max_size=6)
SIZES = st.integers(1, 7)


def read(body: bytes, size: int = 1000, *, quoted: bool = True) -> list[tuple[int, bytes]]:
    """The rows of a body that comes in pieces of this size."""
    records = Records(quoted=quoted)
    rows = [row for at in range(0, len(body), size) for row in records.feed(body[at : at + size])]
    return [*rows, *records.end()]


def table(body: bytes, size: int = 1000) -> list[list[str]]:
    return [cells_of(line, row) for line, row in read(body, size)]


@given(TABLES, SIZES, st.sampled_from(["\r\n", "\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_a_writer_of_csv_writes_is_read_back(rows: list[list[str]], size: int, end: str, quoting: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=quoting).writerows([["a", "b"], *rows])  # type: ignore[arg-type]  # one of its numbers
    assert [["a", "b"], *rows] == table(text.getvalue().encode(), size)
    assert [["a", "b"], *rows] == table(b"\xef\xbb\xbf" + text.getvalue().removesuffix(end).encode(), size)


@given(st.binary(max_size=60) | st.text('",\r\na', max_size=30).map(str.encode), SIZES)
def test_the_pieces_of_a_body_make_no_difference(body: bytes, size: int) -> None:
    def outcome(size: int) -> tuple[object, object]:
        rows: list[object] = []
        records = Records(quoted=True)
        try:
            for at in range(0, len(body), size):
                rows += [(line, cells_of(line, row)) for line, row in records.feed(body[at : at + size])]
            rows += [(line, cells_of(line, row)) for line, row in records.end()]
        except Invalid as fault:
            return None, fault.detail
        return rows, None

    assert outcome(len(body) + 1) == outcome(size)


@given(st.lists(st.binary(min_size=1, max_size=9).map(lambda one: one.translate(None, b"\r\n\xef") or b"x")), SIZES)
def test_lines_are_read_back(lines: list[bytes], size: int) -> None:
    assert [*enumerate(lines, start=1)] == read(b"\n".join(lines), size, quoted=False)
    assert [*enumerate(lines, start=1)] == read(b"\r\n".join([*lines, b""]), size, quoted=False)


def test_a_row_has_the_number_of_its_first_line_and_an_empty_line_is_no_row() -> None:
    rows = read(b'a,b\r\n\n"1\n2","3\r\n4"\n\n5,6')
    assert [(1, b"a,b"), (3, b'"1\n2","3\r\n4"'), (7, b"5,6")] == rows


def test_an_empty_body_has_no_rows() -> None:
    assert [] == read(b"") == read(b"\xef\xbb\xbf") == read(b"\r\n\n")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'a,b\n1,5" pipe\n2,5" pipe\n', "line 2: a cell with a quotation mark"),
        (b'a,b\n1,"2"3\n', "line 2: a cell with a quotation mark"),
        (b"a,b\r1,2\n", "line 1: a cell with a quotation mark or a line break"),
        (b'a,b\n1,2\n3,"4\n', "line 3: a quotation mark is not closed"),
        (b"a,b\n1,\xff\n", "line 2: the text is not UTF-8"),
    ],
)
def test_csv_whose_rows_are_unclear_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        table(body)
    assert "malformed_csv" == refused.value.reason


@pytest.mark.parametrize("size", [100, LONGEST_ROW, 10**6])
@pytest.mark.parametrize("quoted", [True, False])
def test_a_row_that_is_too_long_is_refused_before_it_ends(size: int, *, quoted: bool) -> None:
    row = b"x" * LONGEST_ROW
    assert [(1, b"a"), (2, row)] == read(b"a\n" + row + b"\n", size, quoted=quoted)
    with pytest.raises(TooLarge, match="line 2: a row has at most 16384 bytes"):
        read(b"a\n" + row + b"x" * size, size, quoted=quoted)


def test_a_quotation_mark_that_is_never_closed_does_not_fill_the_memory() -> None:
    with pytest.raises(TooLarge, match="line 1"):
        read(b'"' + b'\n""' * 100_000)
