"""How many statements an order takes, and how PostgreSQL plans them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from orders_svc.repository import Orders
from tests.support.shop import Shop


class _RolledBack(Exception):  # no error
    """Ends a transaction without its changes."""


@asynccontextmanager
async def undone(shop: Shop) -> AsyncIterator[tuple[Orders, Any]]:
    """The orders on a connection whose changes are rolled back, and that connection."""
    with suppress(_RolledBack):
        async with shop.orders() as orders:
            yield orders, orders._database  # noqa: SLF001  # the transaction is its own
            raise _RolledBack


async def test_an_order_is_moved_and_read_by_one_statement(still_shop: Shop) -> None:
    placed = await still_shop.place((1, 2), (2, 3))
    async with undone(still_shop) as (orders, connection):
        counted = connection._con._protocol  # noqa: SLF001  # asyncpg counts them inside alone
        before = counted.queries_count
        await orders.confirm(placed.order_id)
        assert 1 == counted.queries_count - before


async def test_what_the_moving_statement_reads_is_what_a_later_one_reads(still_shop: Shop) -> None:
    placed = await still_shop.place((1, 2), (2, 3))
    async with undone(still_shop) as (orders, _):
        moved = await orders.cancel(placed.order_id, None)
        assert await orders.get(placed.order_id) == moved
        assert (2, placed.lines) == (moved.version, moved.lines)


async def test_the_plan_that_reads_one_order_is_kept(still_shop: Shop) -> None:
    placed = await still_shop.place((1, 1))
    async with undone(still_shop) as (orders, connection):
        for _ in range(10):  # PostgreSQL decides after five
            await orders.get(placed.order_id)
        [row] = await connection.fetch(
            "SELECT generic_plans FROM pg_prepared_statements WHERE statement LIKE $1",
            "%orders WHERE order_id = $1) AS one%",
        )
        assert row["generic_plans"] > 0
