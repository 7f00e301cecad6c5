"""A running mesh with people who order: waits until all that was ordered is settled, and reads the books of it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.faults.meshes import Mesh
from tests.faults.orders.books import Books, Units
from tests.faults.orders.shoppers import Account, Goods, Shopper, Shoppers
from tests.faults.orders.stores import Stores, stores_of
from tests.faults.orders.streams import Streams, streams_of
from tests.support.http.people import new_account
from tests.support.long_form import LONG

_PLENTY, _FEW = 1_000_000, 20


@dataclass
class Market:
    """The mesh, its users and products, and what was acknowledged."""

    mesh: Mesh
    streams: Streams
    account: Account
    before: dict[int, Units]
    """The units of the products before the first order."""

    def shoppers(self, seed: int) -> Shoppers:
        """People who share the account."""
        return Shoppers(self.mesh.http, self.mesh.bearer, self.account, seed)

    @property
    def user_ids(self) -> list[str]:
        """Who orders."""
        return [user.user_id for user in self.account.users]

    async def settle(self) -> None:
        """Wait until no outbox, no consumer, no order and no notification has anything left to do."""
        async with stores_of(self.mesh.stack) as stores:
            while await self.unfinished(stores):
                if not LONG:
                    await stores.end_claims()
                await asyncio.sleep(0.1)

    async def unfinished(self, stores: Stores) -> dict[str, int]:
        """What is still to be done. In this order: what is handled may write, and what is written will be handled."""
        last = await self.streams.last()
        left = {**await self.streams.unsettled(), **await stores.unfinished(self.user_ids)}
        left["new events"] = await self.streams.last() - last
        return {what: count for what, count in left.items() if count}

    async def read(self) -> Books:
        """The books of all orders of the users."""
        async with stores_of(self.mesh.stack) as stores:
            orders = await stores.rows(
                "orders", "SELECT order_id, status, user_id FROM orders WHERE user_id = ANY($1)", self.user_ids
            )
            ids = [row["order_id"] for row in orders]
            steps = await stores.rows(
                "orders", "SELECT order_id, status, event_id::text FROM order_steps WHERE order_id = ANY($1)", ids
            )
            reservations = await stores.rows(
                "products", "SELECT order_id, state FROM stock_reservations WHERE order_id = ANY($1)", ids
            )
            shipments = await stores.rows(
                "shipping", "SELECT order_id, status FROM shipments WHERE order_id = ANY($1)", ids
            )
            told = await stores.documents("notifications", "notifications", {"user_id": {"$in": self.user_ids}})
            return Books(
                orders={row["order_id"]: row["status"] for row in orders},
                users={row["order_id"]: row["user_id"] for row in orders},
                lines=await _lines(stores, ids),
                steps=Counter((row["order_id"], row["status"]) for row in steps),
                step_events=Counter(row["event_id"] for row in steps),
                streamed=await self._streamed({*ids}),
                reservations={row["order_id"]: row["state"] for row in reservations},
                movements=await stores.movements(ids),
                units=await stores.stock([*self.before]),
                shipments=Counter((row["order_id"], row["status"]) for row in shipments),
                notifications=Counter(
                    (one["kind"], one["values"]["order_id"], one["user_id"])
                    for one in told
                    if one["kind"].startswith("order_")
                ),
                unsent={one["_id"]: one["status"] for one in told if one["status"] != "sent"},
                notification_ids=frozenset(one["_id"] for one in told),
            )

    async def verify(self) -> Books:
        """Settle, then fail unless everything is as it must be. Returns the books."""
        await self.settle()
        books = await self.read()
        found = books.faults(self.account, self.before)
        found += [f"nobody got the mail of {one}" for one in books.notification_ids if self.mails(one) == 0]
        found += [f"{letter.subject}: {letter.headers}" for letter in await self.streams.letters()]
        # pytest explains the assertions of tests alone.
        assert not found, f"{len(found)} faults, such as:\n" + "\n".join(found[:20])
        return books

    async def snapshot(self) -> dict[str, list[str]]:
        """Everything that the flow writes; see Stores."""
        async with stores_of(self.mesh.stack) as stores:
            return await stores.snapshot()

    def mails(self, notification_id: str) -> int:
        """How often the mail of a notification was accepted by the mail server."""
        return self.mesh.letters.counts[f"<{notification_id}@northwind.example>"]

    def repeated_mails(self) -> int:
        """Mails that were accepted more than once, counted without the first time."""
        return self.mesh.letters.counts.total() - len(self.mesh.letters.counts)

    async def _streamed(self, order_ids: set[int]) -> Counter[str]:
        """The ids of the events that orders has published of these orders."""
        return Counter(
            one.headers["ce-id"]
            for one in await self.streams.events()
            if one.subject.startswith("events.orders.") and int(one.headers["ce-subject"]) in order_ids
        )


async def _lines(stores: Stores, order_ids: list[int]) -> dict[int, dict[int, int]]:
    lines: dict[int, dict[int, int]] = defaultdict(dict)
    sql = "SELECT order_id, product_id, quantity FROM order_lines WHERE order_id = ANY($1)"
    for row in await stores.rows("orders", sql, order_ids):
        lines[row["order_id"]][row["product_id"]] = row["quantity"]
    return lines


@asynccontextmanager
async def market(mesh: Mesh, *, users: int = 4, products: int = 6) -> AsyncIterator[Market]:
    """New users and new products on the mesh."""
    shoppers = tuple([await _register(mesh) for _ in range(users)])
    scarce, *plenty = [await _create(mesh, _PLENTY if number else _FEW) for number in range(products)]
    async with streams_of(mesh.stack) as streams:
        async with stores_of(mesh.stack) as stores:
            before = await stores.stock([scarce, *plenty])
        yield Market(mesh, streams, Account(shoppers, Goods(tuple(plenty), scarce)), before)


async def _register(mesh: Mesh) -> Shopper:
    email, password = new_account()
    account = {"email": email, "password": password}
    user = await _post(mesh, "/v1/auth/register", account, {})
    token = (await _post(mesh, "/v1/auth/login", account, {}))["access_token"]
    return Shopper(user["user_id"], {"Authorization": f"Bearer {token}"})


async def _create(mesh: Mesh, units: int) -> int:
    new = {"product_name": "Ordered", "unit_price": "1.50", "units_in_stock": units}
    return int((await _post(mesh, "/v1/products", new, mesh.bearer))["product_id"])


async def _post(mesh: Mesh, path: str, body: object, headers: dict[str, str]) -> dict[str, Any]:
    response = await mesh.http.send("POST", path, json=body, headers=headers)
    assert response.is_success, response.text
    answer: dict[str, Any] = response.json()
    return answer
