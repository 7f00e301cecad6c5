"""Orders that are confirmed or cancelled, and what shipping's tables then have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

from contracts.orders import OrderLine
from contracts.orders_events import OrderConfirmed
from contracts.shipping import ListShipments, Shipment
from providers.postgres.database import Database
from shipping_svc.repository import Shipments


@asynccontextmanager
async def changing(database: Database) -> AsyncIterator[Shipments]:
    """The shipments within a transaction, as a handler of events has them."""
    async with database.transaction() as connection:
        yield Shipments(connection)


def confirmed(order_id: int, user_id: str | None = "user") -> OrderConfirmed:
    """The event of a confirmed order of two Chai."""
    price, amount = Decimal("18.00"), Decimal("36.00")
    line = OrderLine(
        product_id=1, product_name="Chai", unit_price=price, quantity=2, discount=Decimal("0.00"), amount=amount
    )
    return OrderConfirmed(
        order_id=order_id,
        user_id=user_id,
        customer_id="ALFKI",
        lines=(line,),
        ship_name="Alfreds Futterkiste",
        ship_address="Obere Str. 57",
        ship_city="Berlin",
        ship_region=None,
        ship_postal_code="12209",
        ship_country="Germany",
        confirmed_at=datetime.now(UTC),
    )


async def confirm(database: Database, order_id: int) -> None:
    """Handle the confirmation of an order."""
    async with changing(database) as shipments:
        await shipments.create(confirmed(order_id))


async def cancel(database: Database, order_id: int) -> None:
    """Handle the cancellation of an order."""
    async with changing(database) as shipments:
        await shipments.stop(order_id)


async def shipment_of(database: Database, order_id: int) -> Shipment:
    """The order's one shipment."""
    shipments = Shipments(database)
    [found] = (await shipments.list(ListShipments(order_id=order_id))).items
    return await shipments.get(found.shipment_id)


async def announced(database: Database) -> list[str]:
    """The subjects of the events that wait in the outbox, the oldest first."""
    return [row["subject"] for row in await database.fetch("SELECT subject FROM outbox ORDER BY position")]
