"""Shipments that move on by themselves, on a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable

from contracts.shipping import ListShipments
from mesh.core.errors import Conflict, NoResponder
from providers.postgres.database import Database
from shipping_svc.repository import Shipments
from shipping_svc.timers import Timers, running
from tests.support.shipping.shipments import announced, cancel, confirm, shipment_of

Permit = Callable[[int], Awaitable[None]]


async def permit_all(_: int) -> None:
    """Let every order's goods leave."""


def timers(
    database: Database, permit: Permit = permit_all, dispatch: float | None = 0, deliver: float | None = None
) -> Timers:
    return Timers(database, permit, dispatch_after=dispatch, deliver_after=deliver, poll=0.02)


async def reach(database: Database, status: str, number: int) -> None:
    """Wait until so many shipments have the status."""
    request = ListShipments.model_validate({"status": status, "limit": 200}, strict=False)
    while len((await Shipments(database).list(request)).items) != number:
        await asyncio.sleep(0.01)


async def test_replicas_share_what_is_due_and_dispatch_each_once(database: Database) -> None:
    for order_id in range(1, 21):
        await confirm(database, order_id)
    permitted: list[int] = []

    async def permit(order_id: int) -> None:
        permitted.append(order_id)

    async with running(timers(database, permit)), running(timers(database, permit)):
        await reach(database, "dispatched", 20)

    assert [*range(1, 21)] == sorted(permitted)
    assert 20 == len(await announced(database))


async def test_a_shipment_that_is_created_later_is_found_and_delivered_too(database: Database) -> None:
    async with running(timers(database, deliver=0)):
        await confirm(database, 1)
        await reach(database, "delivered", 1)

    assert ["events.shipping.dispatched", "events.shipping.delivered"] == await announced(database)


async def test_nothing_moves_before_its_time_or_after_a_cancellation(database: Database) -> None:
    for order_id in (1, 2, 3):
        await confirm(database, order_id)
    await cancel(database, 3)
    await database.fetch("UPDATE shipments SET created_at = now() - interval '1 hour' WHERE order_id <> 2")

    async with running(timers(database, dispatch=1800.0)):
        await reach(database, "dispatched", 1)
        await confirm(database, 4)
        await database.fetch("UPDATE shipments SET created_at = now() - interval '1 hour' WHERE order_id = 4")
        await reach(database, "dispatched", 2)

    assert ["dispatched", "pending", "stopped", "dispatched"] == [
        (await shipment_of(database, order_id)).status for order_id in (1, 2, 3, 4)
    ]


async def test_without_a_time_nothing_moves(database: Database) -> None:
    await confirm(database, 1)

    await timers(database, dispatch=None).run()

    assert "pending" == (await shipment_of(database, 1)).status


async def test_an_order_that_may_not_leave_holds_up_no_other(database: Database) -> None:
    for order_id in range(1, 10):
        await confirm(database, order_id)

    async def permit(order_id: int) -> None:
        if order_id <= 6:
            raise Conflict("order_not_dispatchable", "the order is cancelled")

    async with running(timers(database, permit)):
        await reach(database, "dispatched", 3)

    assert "pending" == (await shipment_of(database, 1)).status


async def test_an_outage_of_orders_only_delays(database: Database) -> None:
    for order_id in range(1, 4):
        await confirm(database, order_id)
    tried: list[int] = []

    async def permit(order_id: int) -> None:
        tried.append(order_id)
        if tried.count(order_id) == 1:
            raise NoResponder("nobody serves orders.start_dispatch")

    async with running(timers(database, permit)):
        while len(tried) < 3:
            await asyncio.sleep(0.01)
        await database.fetch("UPDATE shipments SET claimed_until = now()")  # 30 s later
        await reach(database, "dispatched", 3)

    assert 3 == len(await announced(database))
