"""Shipments on a real PostgreSQL: one for each confirmed order, whatever the order of the events."""

import asyncio
from datetime import timedelta
from itertools import product
from uuid import uuid4

import pytest

from contracts.shipping import ListShipments, ShipmentLine
from mesh.core.errors import Conflict, Invalid, NotFound
from providers.postgres.database import Database
from shipping_svc.repository import EXPIRING, Shipments, Shipper
from tests.support.northwind.northwind import digests, digests_of
from tests.support.shipping.shipments import announced, cancel, changing, confirm, shipment_of
from worker.postgres import events

DISPATCHED, DELIVERED = "events.shipping.dispatched", "events.shipping.delivered"


async def test_the_shippers_are_northwinds(database: Database) -> None:
    rows = await database.fetch("SELECT shipper_id, company_name, phone FROM shippers ORDER BY shipper_id")

    assert digests("shippers") == digests_of([Shipper.model_validate(dict(row)) for row in rows])


async def test_a_confirmed_order_has_a_shipment_with_its_address_and_its_goods(database: Database) -> None:
    await confirm(database, 11078)

    found = await shipment_of(database, 11078)

    assert ("pending", "user", "ALFKI", "NW00000110783", 1) == (
        found.status,
        found.user_id,
        found.customer_id,
        found.tracking_number,
        found.version,
    )
    assert ("Alfreds Futterkiste", "Obere Str. 57", "Berlin", None, "12209", "Germany") == (
        found.ship_name,
        found.ship_address,
        found.ship_city,
        found.ship_region,
        found.ship_postal_code,
        found.ship_country,
    )
    assert (ShipmentLine(product_id=1, product_name="Chai", quantity=2),) == found.lines


async def test_orders_take_turns_among_the_shippers(database: Database) -> None:
    for order_id in range(11078, 11082):
        await confirm(database, order_id)

    found = [await shipment_of(database, order_id) for order_id in range(11078, 11082)]

    assert {"Speedy Express", "United Package", "Federal Shipping"} == {one.shipper_name for one in found[:3]}
    assert found[0].shipper_id == found[3].shipper_id


async def test_without_shippers_a_shipment_has_none(database: Database) -> None:
    await database.fetch("DELETE FROM shippers")
    await confirm(database, 1)

    assert (None, None) == ((found := await shipment_of(database, 1)).shipper_id, found.shipper_name)


async def test_a_cancelled_order_is_stopped_whatever_comes_first_and_how_often(database: Database) -> None:
    sequences = [one for one in product((confirm, cancel), repeat=4) if len(set(one)) == 2]
    for order_id, sequence in enumerate(sequences, start=1):
        for handle in sequence:
            await handle(database, order_id)

    found = [await shipment_of(database, order_id) for order_id in range(1, len(sequences) + 1)]

    assert {"stopped"} == {one.status for one in found}
    assert all(one.stopped_at is not None for one in found)
    assert [] == await database.fetch("SELECT FROM cancelled_orders")


async def test_a_cancelled_order_that_is_never_confirmed_is_forgotten_with_its_events(database: Database) -> None:
    inbox = events(database, Shipments, expiring=EXPIRING).inbox
    assert inbox is not None
    for days in (29, 31):
        await cancel(database, days)
        aged = "UPDATE cancelled_orders SET cancelled_at = now() - $2::interval WHERE order_id = $1"
        await database.fetch(aged, days, timedelta(days=days))
    async with inbox.once(str(uuid4())):
        pass

    assert [29] == [row["order_id"] for row in await database.fetch("SELECT order_id FROM cancelled_orders")]


async def test_a_confirmation_and_a_cancellation_at_once_stop_the_shipment(database: Database) -> None:
    orders = range(1, 31)

    await asyncio.gather(*(handle(database, order_id) for order_id in orders for handle in (confirm, cancel)))

    assert {"stopped"} == {(await shipment_of(database, order_id)).status for order_id in orders}


async def test_an_order_that_is_cancelled_before_it_is_confirmed_has_no_shipment(database: Database) -> None:
    await cancel(database, 1)
    await cancel(database, 1)

    assert () == (await Shipments(database).list(ListShipments())).items


async def test_a_shipment_is_dispatched_and_delivered_once_and_says_so_once(database: Database) -> None:
    await confirm(database, 1)
    shipment_id = (await shipment_of(database, 1)).shipment_id
    for _ in range(2):
        async with changing(database) as shipments:
            await shipments.dispatch(shipment_id, None)
    for _ in range(2):
        async with changing(database) as shipments:
            delivered = await shipments.deliver(shipment_id, None)
    async with changing(database) as shipments:
        again = await shipments.dispatch(shipment_id, None)

    assert ("delivered", 3) == (delivered.status, delivered.version)
    assert delivered == again
    assert delivered.created_at < (delivered.dispatched_at or 0) < (delivered.delivered_at or 0)  # type: ignore[operator]
    assert [DISPATCHED, DELIVERED] == await announced(database)


async def test_many_dispatches_at_once_say_so_once(database: Database) -> None:
    await confirm(database, 1)
    shipment_id = (await shipment_of(database, 1)).shipment_id

    async def dispatch() -> int:
        async with changing(database) as shipments:
            return (await shipments.dispatch(shipment_id, None)).version

    assert {2} == {*await asyncio.gather(*(dispatch() for _ in range(8)))}
    assert [DISPATCHED] == await announced(database)


async def test_what_is_dispatched_is_not_stopped(database: Database) -> None:
    await confirm(database, 1)
    async with changing(database) as shipments:
        await shipments.dispatch((await shipment_of(database, 1)).shipment_id, None)

    await cancel(database, 1)

    assert "dispatched" == (await shipment_of(database, 1)).status


@pytest.mark.parametrize(
    ("status", "step", "version", "reason"),
    [
        ("stopped", "dispatch", None, "shipment_stopped"),
        ("stopped", "deliver", None, "shipment_stopped"),
        ("pending", "deliver", None, "shipment_not_dispatched"),
        ("pending", "dispatch", 2, "version_mismatch"),
        ("pending", "deliver", 2, "version_mismatch"),
    ],
)
async def test_a_step_that_does_not_fit_is_refused(
    database: Database, status: str, step: str, version: int | None, reason: str
) -> None:
    await confirm(database, 1)
    if status == "stopped":
        await cancel(database, 1)
    before = await shipment_of(database, 1)

    with pytest.raises(Conflict) as refused:
        async with changing(database) as shipments:
            await getattr(shipments, step)(before.shipment_id, version)

    assert reason == refused.value.reason
    assert before == await shipment_of(database, 1)
    assert [] == await announced(database)


async def test_an_unknown_shipment_is_not_found(database: Database) -> None:
    for step in ("dispatch", "deliver"):
        with pytest.raises(NotFound):
            async with changing(database) as shipments:
                await getattr(shipments, step)(1, None)


async def test_pages_have_every_shipment_of_the_filter_once(database: Database) -> None:
    for order_id in range(1, 8):
        await confirm(database, order_id)
    await cancel(database, 3)
    shipments = Shipments(database)
    seen: list[int] = []
    cursor = None
    while True:
        request = ListShipments.model_validate({"status": "pending", "limit": 2, "cursor": cursor}, strict=False)
        page = await shipments.list(request, "user")
        seen += [one.order_id for one in page.items]
        if (cursor := page.next_cursor) is None:
            break

    assert [7, 6, 5, 4, 2, 1] == seen
    assert () == (await shipments.list(ListShipments(), "another")).items
    with pytest.raises(Invalid):
        await shipments.list(ListShipments(cursor="AAAAAAAAAAAAAAAA"))
