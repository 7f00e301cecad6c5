"""When shipments were created and changed: what replies say, and the ranges that lists select by."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.shipping import ListShipments
from devstack.servers.all import Servers
from providers.postgres.database import Database, open_database
from providers.postgres.migrations import migrate
from shipping_svc.repository import Shipments, seed
from tests.support.paths import ROOT
from tests.support.servers.schemas import fresh_schema
from tests.support.shipping.shipments import cancel, changing, confirm, shipment_of

NOON = datetime(2026, 12, 1, 12, 0, 0, 250_000, tzinfo=UTC)
MIGRATIONS = ROOT / "shipping_svc" / "migrations"


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def test_each_step_has_its_moment_and_creation_stays(database: Database) -> None:
    await confirm(database, 1)
    seen = [await shipment_of(database, 1)]
    async with changing(database) as shipments:
        seen.append(await shipments.dispatch(seen[0].shipment_id, None))
    async with changing(database) as shipments:
        seen.append(await shipments.deliver(seen[0].shipment_id, None))
    await confirm(database, 2)
    await cancel(database, 2)
    stopped = await shipment_of(database, 2)

    expected = [seen[0].created_at, seen[1].dispatched_at, seen[2].delivered_at, stopped.stopped_at]
    assert expected == [one.updated_at for one in (*seen, stopped)]
    assert {seen[0].created_at} == {one.created_at for one in seen}


@pytest.mark.parametrize("column", ["created", "updated"])
@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        (NOON, None, [2, 3]),
        (NOON - timedelta(seconds=1), NOON, [1]),
        (NOON, NOON + timedelta(microseconds=1), [2]),
        (None, NOON, [1]),
        (NOON, NOON, []),
    ],
)
async def test_a_range_begins_at_a_moment_and_ends_before_one(
    database: Database, column: str, after: datetime | None, before: datetime | None, expected: list[int]
) -> None:
    for order_id in (1, 2, 3):
        await confirm(database, order_id)
        sql = f"UPDATE shipments SET {column}_at = $1 WHERE order_id = $2"  # noqa: S608  # our own column
        await database.fetch(sql, NOON + timedelta(seconds=order_id - 2), order_id)
    wanted = {f"{column}_after": after, f"{column}_before": before}
    request = ListShipments.model_validate({name: one and text(one) for name, one in wanted.items()})

    found = (await Shipments(database).list(request)).items

    assert expected == sorted(one.order_id for one in found)


@pytest.mark.parametrize("column", ["created_at", "updated_at"])
async def test_a_range_has_an_index(database: Database, column: str) -> None:
    await database.fetch(
        "INSERT INTO shipments (order_id, status, tracking_number, lines)"
        " SELECT number, 'delivered', 'NW', '[]' FROM generate_series(1, 5000) AS number"
    )
    await database.fetch("ANALYZE shipments")
    sql = f"EXPLAIN SELECT FROM shipments WHERE {column} >= now() + interval '1 day'"

    plan = "\n".join(row[0] for row in await database.fetch(sql))

    assert f"shipments_by_{column}" in plan


async def test_an_older_shipment_changed_with_its_last_step(databases: Servers, tmp_path: Path) -> None:
    older = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, older, ignore=shutil.ignore_patterns("0003*"))
    async with fresh_schema(databases.urls["shipping"]) as url, open_database(url, name="test") as database:
        await migrate(database, older, seed, events=True)
        for order_id, dispatched_at in ((1, None), (2, NOON)):
            await database.fetch(
                "INSERT INTO shipments (order_id, status, tracking_number, lines, created_at, dispatched_at)"
                " VALUES ($1, 'pending', 'NW', '[]', $2, $3)",
                order_id,
                NOON - timedelta(days=1),
                dispatched_at,
            )
        await migrate(database, MIGRATIONS, seed, events=True)

        found = [(await shipment_of(database, order_id)).updated_at for order_id in (1, 2)]

    assert [NOON - timedelta(days=1), NOON] == found
