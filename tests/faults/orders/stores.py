"""Direct connections to the databases of a running mesh, past every service."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
from motor.motor_asyncio import AsyncIOMotorClient

from devstack.stack.stack import Stack
from services import PROCESSES
from tests.faults.orders.books import Movement, Units

Row = Mapping[str, Any]
_CLAIMED: Final = timedelta(seconds=120)
"""How long notifications claims one that it delivers."""
_STUCK: Final = timedelta(seconds=10)
"""A claim that is older is that of a dead process, or its answer was lost."""


@dataclass(frozen=True)
class Stores:
    """The databases by service."""

    postgres: Mapping[str, "asyncpg.Connection[asyncpg.Record]"]
    mongo: Mapping[str, Any]
    """Motor's databases, which have no types."""

    async def rows(self, service: str, sql: str, *values: object) -> Sequence[Row]:
        """Rows of a service in PostgreSQL."""
        return [dict(row) for row in await self.postgres[service].fetch(sql, *values)]

    async def documents(self, service: str, collection: str, query: Row) -> Sequence[Row]:
        """Documents of a service in MongoDB."""
        found: list[Row] = await self.mongo[service][collection].find(query).to_list(None)
        return found

    async def unfinished(self, user_ids: Sequence[str]) -> dict[str, int]:
        """How much there is in each outbox, of open orders of these users, and of notifications that they wait for."""
        left: dict[str, int] = {}
        for name, connection in self.postgres.items():
            left[f"outbox of {name}"] = await connection.fetchval("SELECT count(*) FROM outbox")
        sql = "SELECT count(*) FROM orders WHERE user_id = ANY($1) AND status IN ('placed', 'confirmed', 'dispatched')"
        left["open orders"] = await self.postgres["orders"].fetchval(sql, user_ids)
        left["outbox of auth"] = await self.mongo["auth"]["users"].count_documents(
            {"unsent_events.0": {"$exists": True}}
        )
        unsent = {"user_id": {"$in": user_ids}, "due_at": {"$exists": True}}
        left["notifications"] = await self.mongo["notifications"]["notifications"].count_documents(unsent)
        return left

    async def stock(self, product_ids: Sequence[int]) -> dict[int, Units]:
        """The units of the products."""
        sql = "SELECT product_id, units_in_stock, units_reserved FROM products WHERE product_id = ANY($1)"
        rows = await self.rows("products", sql, product_ids)
        return {row["product_id"]: Units(row["units_in_stock"], row["units_reserved"]) for row in rows}

    async def movements(self, order_ids: Sequence[int]) -> Counter[Movement]:
        """The movements of stock of the orders."""
        sql = "SELECT order_id, product_id, kind, in_stock, reserved FROM stock_movements WHERE order_id = ANY($1)"
        return Counter(Movement(**row) for row in await self.rows("products", sql, order_ids))

    async def snapshot(self) -> dict[str, list[str]]:
        """Everything that the flow of orders writes."""
        found: dict[str, list[str]] = {}
        for name, connection in self.postgres.items():
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in tables:
                rows = await connection.fetch(f'SELECT t::text FROM "{table}" AS t')  # noqa: S608  # its own name
                found[f"{name}.{table}"] = sorted(row[0] for row in rows)
        for name, collection in (
            ("notifications", "notifications"),
            ("notifications", "recipients"),
            ("carts", "carts"),
        ):
            found[f"{name}.{collection}"] = sorted(map(repr, await self.documents(name, collection, {})))
        return found

    async def end_claims(self) -> None:
        """End the claims of dead processes, as 30 s and two minutes would. The short form cannot wait for them."""
        at = datetime.now(UTC)
        await self.postgres["shipping"].execute(
            "UPDATE shipments SET claimed_until = NULL WHERE claimed_until < $1", at + timedelta(seconds=25)
        )
        await self.mongo["notifications"]["notifications"].update_many(
            {"claimed": True, "due_at": {"$lt": at + _CLAIMED - _STUCK}}, {"$set": {"due_at": at}}
        )


@asynccontextmanager
async def stores_of(stack: Stack) -> AsyncIterator[Stores]:
    """The stores of the stack."""
    urls = stack.state.databases
    async with AsyncExitStack() as resources:
        postgres, mongo = {}, {}
        for row in PROCESSES:
            if row.store == "postgres":
                postgres[row.name] = await asyncpg.connect(urls[row.name])
                resources.push_async_callback(postgres[row.name].close)
            elif row.store == "mongo":
                client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(urls[row.name], tz_aware=True)
                resources.callback(client.close)
                mongo[row.name] = client.get_default_database(row.name)
        yield Stores(postgres, mongo)
