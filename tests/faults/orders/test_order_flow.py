"""The flow of orders while everything under it is killed, restarted and frozen: nothing is lost, nothing happens twice."""

import asyncio
import random
from asyncio import get_running_loop
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from mesh.core.event import Event
from mesh.events.cloud_event import compose
from mesh.events.dead_letter import retry_subject
from ops import dead_letters
from ops.stored import Stored
from services import WORKERS
from subjects import EVENTS_STOCK_RESERVED
from tests.faults.orders.books import ends
from tests.faults.orders.havoc import Fault, faults
from tests.faults.orders.market import Market
from tests.faults.orders.shoppers import Shoppers
from tests.faults.orders.streams import CONSUMERS, HANDLED
from tests.support.load.figures import Figures
from tests.support.load.traffic import Load, traffic

_SENDS_AT_ONCE = 4
"""Of one process of notifications, by default: so many mails may be sent again after it was killed."""


@asynccontextmanager
async def trade(shoppers: Shoppers, at_once: int = 8) -> AsyncIterator[Load]:
    """Orders, cancellations and dispatches all the while. The load is that of orders, carts and cancellations."""
    asks = [shoppers.order, shoppers.order, shoppers.order, shoppers.buy_cart]
    async with traffic(asks, at_once=at_once, pause=0.01) as load, traffic([shoppers.dispatch], at_once=2) as clerks:
        yield load
    assert {} == load.outcomes.failed()
    assert {} == clerks.outcomes.failed()


async def placed(shop: Market, load: Load, count: int) -> None:
    """Wait until so many more orders are acknowledged."""
    until = len(shop.account.placed) + count
    while len(shop.account.placed) < until:
        await load.more(1)


async def test_no_acknowledged_order_is_lost_and_none_happens_twice(shop: Market, figures: Figures) -> None:
    chance = random.Random(29)  # noqa: S311  # no secret
    orders, count, longest = (5000, 1000, 6.0) if figures.long else (150, 6, 1.5)
    struck: list[Fault] = []
    began = get_running_loop().time()

    async with trade(shop.shoppers(seed=1)) as load:
        for fault in faults(shop.mesh.stack, chance, longest)[:count]:
            await placed(shop, load, chance.randint(orders // 200, orders // 40))
            figures.tell(f"{fault.way} {fault.process}, {len(shop.account.placed)} orders")
            await fault.strike(shop.mesh.stack)
            struck.append(fault)
        await placed(shop, load, max(1, orders - len(shop.account.placed)))
    loaded = get_running_loop().time()
    books = await shop.verify()

    figures.add(
        "orders while everything fails",
        faults=Counter(fault.way for fault in struck),
        orders=len(books.orders),
        ends=ends(books),
        repeated_requests=shop.account.repeated,
        events=len(books.streamed),
        mails=shop.mesh.letters.counts.total(),
        mails_twice=shop.repeated_mails(),
        seconds=round(loaded - began),
        settled_after_s=round(get_running_loop().time() - loaded),
        **load.outcomes.figures(),
    )
    assert {"delivered", "refused", "cancelled"} == {*books.orders.values()}
    assert shop.repeated_mails() <= _SENDS_AT_ONCE * sum(one.process.startswith("notifications") for one in struck)
