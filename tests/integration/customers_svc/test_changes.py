"""Every change of a customer is announced in the transaction of the change."""

import json

import pytest

from contracts.customers import ArchiveCustomer, CreateCustomer, CustomerPatch, UpdateCustomer
from customers_svc.handlers import Handlers
from mesh.core.errors import Conflict
from providers.postgres.database import Database


async def announced(database: Database) -> list[tuple[str, dict[str, object]]]:
    """The events in the outbox: aggregate and payload."""
    rows = await database.fetch("SELECT subject, aggregate, body FROM outbox ORDER BY position")
    assert all(row["subject"] == "events.customers.changed" for row in rows)
    return [(row["aggregate"], json.loads(row["body"])) for row in rows]


async def test_each_change_is_announced_with_its_version(handlers: Handlers, database: Database) -> None:
    await handlers.create(CreateCustomer(customer_id="ZYXWV", company_name="New"))
    patch = CustomerPatch(company_name="Newer")
    await handlers.update(UpdateCustomer(customer_id="ZYXWV", expected_version=1, patch=patch))
    for _ in range(2):  # archiving twice changes nothing
        await handlers.archive(ArchiveCustomer(customer_id="ZYXWV"))

    assert [("ZYXWV", {"customer_id": "ZYXWV", "version": version}) for version in (1, 2, 3)] == await announced(
        database
    )


async def test_what_is_refused_is_not_announced(handlers: Handlers, database: Database) -> None:
    with pytest.raises(Conflict):
        await handlers.create(CreateCustomer(customer_id="ALFKI", company_name="Taken"))
    with pytest.raises(Conflict):
        await handlers.archive(ArchiveCustomer(customer_id="ALFKI", expected_version=7))

    assert [] == await announced(database)
