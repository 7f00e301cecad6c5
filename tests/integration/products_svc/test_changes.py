"""Every change of a product is announced in the transaction of the change."""

import json
from decimal import Decimal

import pytest

from contracts.orders import NewLine
from contracts.products import CreateProduct, DiscontinueProduct, ProductPatch, RestoreProduct, UpdateProduct
from contracts.products_stock import MovementKind, ReserveStock
from mesh.core.errors import Invalid
from products_svc.handlers import Handlers
from products_svc.stock_repository import Cause, Warehouse
from providers.postgres.database import Database


async def announced(database: Database) -> list[tuple[str, dict[str, object]]]:
    """The events in the outbox: aggregate and payload."""
    rows = await database.fetch("SELECT subject, aggregate, body FROM outbox ORDER BY position")
    assert all(row["subject"] == "events.products.changed" for row in rows)
    return [(row["aggregate"], json.loads(row["body"])) for row in rows]


async def test_each_change_is_announced_with_its_version(handlers: Handlers, database: Database) -> None:
    product_id = (await handlers.create(CreateProduct(product_name="New", unit_price=Decimal("1.00")))).product_id
    for version, patch in ((1, ProductPatch(product_name="Newer")), (2, ProductPatch(units_in_stock=5))):
        await handlers.update(UpdateProduct(product_id=product_id, expected_version=version, patch=patch))
    for _ in range(2):  # discontinuing twice changes nothing
        await handlers.discontinue(DiscontinueProduct(product_id=product_id))
    for _ in range(2):  # nor does restoring
        await handlers.restore(RestoreProduct(product_id=product_id))

    expected = [(str(product_id), {"product_id": product_id, "version": version}) for version in (1, 2, 3, 4, 5)]
    assert expected == await announced(database)


async def test_what_is_refused_is_not_announced(handlers: Handlers, database: Database) -> None:
    with pytest.raises(Invalid):
        await handlers.create(CreateProduct(product_name="New", unit_price=Decimal("1.00"), category_id=999))

    assert [] == await announced(database)


async def test_a_change_of_units_in_stock_is_announced_and_one_of_reserved_units_is_not(database: Database) -> None:
    warehouse = Warehouse(database)
    await warehouse.change(1, 5, Cause(MovementKind.RECEIVED))
    lines = tuple(NewLine(product_id=product_id, quantity=1) for product_id in (1, 2))
    await warehouse.reserve(ReserveStock(order_id=1, lines=lines))
    await warehouse.reserve(ReserveStock(order_id=2, lines=lines))
    await warehouse.release(2)
    await warehouse.commit(1)

    expected = ((1, 2), (1, 3), (2, 2))
    assert [(str(one), {"product_id": one, "version": version}) for one, version in expected] == sorted(
        await announced(database), key=lambda event: (event[0], event[1]["version"])
    )
