"""Orders, cancellations and dispatches all the while that something else happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.orders.market import Market
from tests.support.load.traffic import Load, traffic


@asynccontextmanager
async def trade(shop: Market, seed: int, at_once: int = 8) -> AsyncIterator[Load]:
    """Trade within the context. The load is that of orders, carts and cancellations; none of them may fail."""
    people = shop.shoppers(seed)
    asks = [people.order, people.order, people.order, people.buy_cart]
    async with traffic(asks, at_once=at_once, pause=0.01) as load, traffic([people.dispatch], at_once=2) as clerks:
        yield load
    failed = load.outcomes.failed() | clerks.outcomes.failed()
    assert not failed, failed


async def ordered(shop: Market, load: Load, count: int) -> None:
    """Wait until so many more orders are acknowledged."""
    until = len(shop.account.placed) + count
    while len(shop.account.placed) < until:
        await load.more(1)
