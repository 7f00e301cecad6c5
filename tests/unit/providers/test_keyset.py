import base64
import hashlib
from decimal import Decimal
from typing import Any, cast

import pytest
from pydantic import BaseModel, TypeAdapter

from providers.cursor import Page
from providers.errors import InvalidCursor
from providers.postgres.database import Database
from providers.postgres.keyset import Order, Orders, Select

BY_NAME = Order(("name", "id"), TypeAdapter(tuple[str, int]))
BY_NAME_DESC = Order(("name", "id"), TypeAdapter(tuple[str, int]), descending=True)
BY_PRICE = Order(("price", "id"), TypeAdapter(tuple[Decimal, int]))
ROWS: list[dict[str, Any]] = [
    {"id": number, "name": f"näme {number}", "price": Decimal("2.50")} for number in range(1, 4)
]


class Recorder:
    """Stands in for a database: keeps what it was asked, answers with rows for a page and one more."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[object, ...]]] = []

    async def fetch(self, sql: str, *values: object) -> list[dict[str, Any]]:
        self.asked.append((sql, values))
        return list(ROWS)


SCOPE = b'["things.list",{"colour":"red"}]'


async def page(
    select: Select, order: Order, cursor: str | None = None, limit: int = 2, scope: bytes = SCOPE
) -> tuple[Recorder, str | None]:
    recorder = Recorder()
    _, next_cursor = await select.page(cast("Database", recorder), order, Page(limit, cursor, scope))
    return recorder, next_cursor


def red() -> Select:
    select = Select("id, name", "things")
    select.equal("colour", "red")
    return select


async def test_values_travel_beside_the_text() -> None:
    select = red()
    select.equal("size", None)
    select.where("weight BETWEEN {} AND {}", 1, 2)

    recorder, _ = await page(select, BY_NAME)

    sql = (
        "SELECT id, name FROM things WHERE colour = $1 AND size IS NULL AND weight BETWEEN $2 AND $3"
        " ORDER BY name, id LIMIT $4"
    )
    assert [(sql, ("red", 1, 2, 3))] == recorder.asked


async def test_the_next_page_begins_behind_the_last_row() -> None:
    _, cursor = await page(red(), BY_NAME_DESC)

    recorder, _ = await page(red(), BY_NAME_DESC, cursor)

    sql = "SELECT id, name FROM things WHERE colour = $1 AND (name, id) < ($2, $3) ORDER BY name DESC, id DESC LIMIT $4"
    assert [(sql, ("red", "näme 2", 2, 3))] == recorder.asked


async def test_each_column_has_its_own_direction() -> None:
    mixed = Order(("price", "name", "id"), TypeAdapter(tuple[Decimal, str, int]), (True, False, True))
    _, cursor = await page(red(), mixed)

    recorder, _ = await page(red(), mixed, cursor)

    sql = (
        "SELECT id, name FROM things WHERE colour = $1 AND price <= $2 AND (price < $3 OR name >= $4 AND (name > $5 OR"
        " id < $6)) ORDER BY price DESC, name, id DESC LIMIT $7"
    )
    price = Decimal("2.50")
    assert [(sql, ("red", price, price, "näme 2", "näme 2", 2, 3))] == recorder.asked


@pytest.mark.parametrize(
    ("sort", "columns", "directions"),
    [
        ("name", ("name_order", "id"), (False, False)),
        ("-name", ("name_order", "id"), (True, True)),
        ("-name,price", ("name_order", "price", "id"), (True, False, False)),
        ("price,-name", ("price", "name_order", "id"), (False, True, True)),
        ("price,-id,name", ("price", "id"), (False, True)),
    ],
)
def test_the_key_breaks_ties_in_the_direction_of_the_last_field(
    sort: str, columns: tuple[str, ...], directions: tuple[bool, ...]
) -> None:
    fields = {"id": ("id", int), "name": ("name_order", str), "price": ("price", Decimal)}

    order = Orders("id", fields).of(sort)

    assert (columns, directions) == (order.columns, order.directions)


async def test_a_decimal_comes_back_as_it_was() -> None:
    _, cursor = await page(Select("id", "things"), BY_PRICE)

    recorder, _ = await page(Select("id", "things"), BY_PRICE, cursor)

    assert (Decimal("2.50"), 2, 3) == recorder.asked[0][1]


async def test_a_page_that_holds_all_rows_has_no_next_one() -> None:
    _, cursor = await page(red(), BY_NAME, limit=3)

    assert cursor is None


class ListThings(BaseModel):
    colour: str | None = None
    sort: str = "name"
    limit: int = 50
    cursor: str | None = None


@pytest.mark.parametrize(
    ("subject", "request_"),
    [
        ("things.list", ListThings(colour="red", sort="-name")),
        ("others.list", ListThings(colour="red")),
        ("things.list", ListThings(colour="green")),
        ("things.list", ListThings(colour=None)),
        ("things.list", ListThings()),
    ],
)
async def test_a_cursor_is_good_for_its_list_order_and_filters_alone(subject: str, request_: ListThings) -> None:
    _, cursor = await page(red(), BY_NAME, scope=Page.of("things.list", ListThings(colour="red")).scope)

    with pytest.raises(InvalidCursor):
        await page(red(), BY_NAME, cursor, scope=Page.of(subject, request_).scope)


def test_neither_the_size_of_a_page_nor_a_default_that_is_named_makes_another_list() -> None:
    scope = Page.of("things.list", ListThings(colour="red")).scope

    assert scope == Page.of("things.list", ListThings(colour="red", limit=5, cursor="x", sort="name")).scope


async def test_no_changed_character_passes() -> None:
    _, cursor = await page(red(), BY_NAME)
    assert cursor is not None

    for place, character in enumerate(cursor):
        changed = f"{cursor[:place]}{'A' if character != 'A' else 'B'}{cursor[place + 1 :]}"
        with pytest.raises(InvalidCursor):
            await page(red(), BY_NAME, changed)


@pytest.mark.parametrize("cursor", ["A", "AAAA", "-" * 1024, "_" * 1023])
async def test_what_never_was_a_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await page(red(), BY_NAME, cursor)


@pytest.mark.parametrize(
    "body", [b'["a"]', b'["a",1,2]', b'["a","b"]', b'[1,"a"]', b"{}", b"[", b"\xff", rb'["\ud800",1]']
)
async def test_a_made_up_position_never_reaches_the_database(body: bytes) -> None:
    """Whoever reads the code can compute the checksum: the position's types are checked all the same."""
    checksum = hashlib.sha256(body + b"\n" + SCOPE).digest()[:8]
    forged = base64.urlsafe_b64encode(checksum + body).decode().rstrip("=")

    with pytest.raises(InvalidCursor, match="not a cursor"):
        await page(red(), BY_NAME, forged)
