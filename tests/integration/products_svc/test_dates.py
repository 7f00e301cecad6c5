"""When products were created and changed: what replies say, and the ranges that lists select by."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from contracts.orders import NewLine
from contracts.products import (
    CreateProduct,
    DiscontinueProduct,
    GetProduct,
    ListProducts,
    Product,
    ProductPatch,
    RestoreProduct,
    UpdateProduct,
)
from contracts.products_prices import BulkChange, ChangeBy
from contracts.products_stock import CommitStock, ReceiveStock, ReleaseStock, ReserveStock
from mesh.core.context import Caller, Context, working_on
from mesh.core.errors import Invalid
from mesh.service.idempotency import KEPT, IdempotentWrites
from products_svc.handlers import Handlers
from products_svc.prices_repository import Prices
from products_svc.stock_handlers import StockHandlers
from products_svc.stock_repository import Warehouse
from providers.postgres.database import Database
from providers.postgres.idempotency import Keys

NOON = datetime(2026, 12, 1, 12, 0, 0, 250_000, tzinfo=UTC)
CHAI, CHANG, SYRUP = 1, 2, 3


@pytest.fixture
def stock(database: Database) -> StockHandlers:
    warehouse = Warehouse(database)
    return StockHandlers(warehouse, IdempotentWrites(warehouse, Keys(database, Warehouse, KEPT).keep))


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def get(handlers: Handlers, product_id: int = CHAI) -> Product:
    return await handlers.get(GetProduct(product_id=product_id))


async def test_each_change_has_its_moment_and_creation_stays(
    handlers: Handlers, stock: StockHandlers, database: Database
) -> None:
    created = await handlers.create(CreateProduct(product_name="New", unit_price=Decimal(1), category_id=1))
    key = created.product_id
    seen = [created]
    for patch in (ProductPatch(reorder_level=1), ProductPatch(units_in_stock=7), ProductPatch(unit_price=Decimal(2))):
        change = UpdateProduct(product_id=key, expected_version=seen[-1].version, patch=patch)
        seen.append(await handlers.update(change))
    caller = Caller("u1", "s1", frozenset({"ADMIN"}))
    with working_on(Context("r1", asyncio.get_running_loop().time() + 5, caller=caller)):
        await stock.receive(ReceiveStock(product_id=key, quantity=5, reason="came"))
    seen.append(await get(handlers, key))
    seen.append(await handlers.discontinue(DiscontinueProduct(product_id=key)))
    seen.append(await handlers.restore(RestoreProduct(product_id=key)))
    bulk = BulkChange(category_id=1, by=ChangeBy.AMOUNT, change=Decimal(1))
    async with database.transaction() as connection:
        await Prices(connection).change(bulk)
    seen.append(await get(handlers, key))

    moments = [one.updated_at for one in seen if one.updated_at is not None]
    assert created.created_at == created.updated_at
    assert {created.created_at} == {one.created_at for one in seen}
    assert 8 == len(moments)
    assert sorted(set(moments)) == moments


async def test_what_is_reserved_is_no_change_of_the_product(handlers: Handlers, stock: StockHandlers) -> None:
    before = await get(handlers)

    for order in (1, 2):
        lines = (NewLine(product_id=CHAI, quantity=2),)
        assert "reserved" == (await stock.reserve(ReserveStock(order_id=order, lines=lines))).state
    await stock.release(ReleaseStock(order_id=1))

    assert before == await get(handlers)

    await stock.commit(CommitStock(order_id=2))
    after = await get(handlers)
    assert (before.version + 1, before.units_in_stock - 2) == (after.version, after.units_in_stock)
    assert before.updated_at != after.updated_at


@pytest.mark.parametrize("column", ["created", "updated"])
@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((NOON, None), (CHANG, SYRUP)),
        ((NOON - timedelta(seconds=1), NOON), (CHAI,)),
        ((NOON, NOON + timedelta(microseconds=1)), (CHANG,)),
        ((NOON, NOON), ()),
    ],
)
async def test_a_range_begins_at_a_moment_and_ends_before_one(
    handlers: Handlers,
    database: Database,
    column: str,
    span: tuple[datetime, datetime | None],
    expected: tuple[int, ...],
) -> None:
    await database.fetch(f"UPDATE products SET {column}_at = $1", NOON - timedelta(days=999))  # noqa: S608  # our own column
    for seconds, key in enumerate((CHAI, CHANG, SYRUP), start=-1):
        sql = f"UPDATE products SET {column}_at = $1 WHERE product_id = $2"  # noqa: S608  # our own column
        await database.fetch(sql, NOON + timedelta(seconds=seconds), key)
    after, before = span
    wanted = {f"{column}_after": text(after), f"{column}_before": None if before is None else text(before)}

    found = await handlers.list(ListProducts.model_validate({**wanted, "count": True}))

    assert expected == tuple(one.product_id for one in found.items)
    assert len(expected) == found.total


async def test_a_cursor_belongs_to_its_range(handlers: Handlers) -> None:
    wanted = {"updated_after": "2000-01-01T00:00:00Z", "limit": 1}
    page = await handlers.list(ListProducts.model_validate(wanted))
    following = await handlers.list(ListProducts.model_validate({**wanted, "cursor": page.next_cursor}))

    assert [CHANG] == [one.product_id for one in following.items]
    with pytest.raises(Invalid, match="another list, order or filter"):
        await handlers.list(ListProducts(limit=1, cursor=page.next_cursor))


@pytest.mark.parametrize("column", ["created_at", "updated_at"])
async def test_a_range_has_an_index(database: Database, column: str) -> None:
    await database.fetch(
        "INSERT INTO products (product_name, product_name_folded, unit_price)"
        " SELECT 'x', 'x', 1 FROM generate_series(1, 5000)"
    )
    await database.fetch("ANALYZE products")

    found = await database.fetch(f"EXPLAIN SELECT FROM products WHERE {column} >= now() + interval '1 day'")

    assert f"products_by_{column}" in "\n".join(row[0] for row in found)
