"""When orders were placed and changed: what replies say, and the ranges that lists select by."""

from datetime import datetime, timedelta

import pytest

from contracts.orders import CancelOrder, GetOrder, ListOrders
from mesh.core.errors import RemoteFault
from subjects import ORDERS_CANCEL, ORDERS_GET, ORDERS_LIST
from tests.support.shop import ADMIN, Shop

FIRST, SECOND = "1996-07-04T00:00:00Z", "1996-07-05T00:00:00Z"
"""The days of the orders 10248 and 10249, at midnight."""


@pytest.fixture(scope="module")
def shop(still_shop: Shop) -> Shop:
    """A shop whose orders stay as they are placed."""
    return still_shop


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def ids(shop: Shop, **filters: object) -> list[int]:
    page = await shop.ask(ORDERS_LIST, ListOrders.model_validate({"sort": "order_id", **filters}, strict=False), ADMIN)
    return [one.order_id for one in page.items]


async def test_an_order_changes_when_it_gets_a_version(shop: Shop) -> None:
    placed = await shop.place((1, 1))
    cancelled = await shop.ask(ORDERS_CANCEL, CancelOrder(order_id=placed.order_id))
    again = await shop.ask(ORDERS_CANCEL, CancelOrder(order_id=placed.order_id))

    assert placed.placed_at == placed.updated_at
    assert placed.placed_at == cancelled.placed_at
    assert cancelled.updated_at is not None
    assert cancelled.updated_at > placed.placed_at
    assert cancelled == again == await shop.ask(ORDERS_GET, GetOrder(order_id=placed.order_id))


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        (FIRST, SECOND, [10248]),
        (FIRST, "1996-07-05T00:00:00.000001Z", [10248, 10249]),
        ("1996-07-04T00:00:00.000001Z", "1996-07-06T00:00:00Z", [10249]),
        (None, SECOND, [10248]),
        (SECOND, SECOND, []),
    ],
)
async def test_a_range_begins_at_a_moment_and_ends_before_one(
    shop: Shop, after: str | None, before: str, expected: list[int]
) -> None:
    assert expected == await ids(shop, placed_after=after, placed_before=before)


async def test_the_last_change_selects(shop: Shop) -> None:
    placed = await shop.place((1, 1))
    changed = await shop.ask(ORDERS_CANCEL, CancelOrder(order_id=placed.order_id))
    assert changed.updated_at is not None
    moment, later = text(changed.updated_at), text(changed.updated_at + timedelta(microseconds=1))

    assert [placed.order_id] == await ids(shop, updated_after=moment, updated_before=later)
    assert placed.order_id not in await ids(shop, updated_before=moment, placed_after=text(placed.placed_at))
    assert placed.order_id not in await ids(shop, updated_after=later)


async def test_a_cursor_belongs_to_its_range(shop: Shop) -> None:
    request = {"placed_before": "1997-01-01T00:00:00Z", "limit": 1}
    page = await shop.ask(ORDERS_LIST, ListOrders.model_validate(request), ADMIN)
    other = {**request, "placed_before": "1997-01-02T00:00:00Z", "cursor": page.next_cursor}

    with pytest.raises(RemoteFault) as refused:
        await shop.ask(ORDERS_LIST, ListOrders.model_validate(other), ADMIN)

    assert "invalid_cursor" == refused.value.reason
