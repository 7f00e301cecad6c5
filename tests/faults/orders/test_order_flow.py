"""The flow of orders while everything below it fails, and while events come again: nothing is lost, nothing doubled."""

import asyncio
import random
from asyncio import get_running_loop
from collections import Counter
from collections.abc import Iterable

from mesh.events.dead_letter import retry_subject
from mesh.events.stored import Stored
from ops import dead_letters
from services import WORKERS
from tests.faults.orders.havoc import Fault, faults
from tests.faults.orders.market import Market
from tests.faults.orders.streams import CONSUMERS, HANDLED
from tests.faults.orders.trade import ordered, trade
from tests.support.command import mesh
from tests.support.load.figures import Figures

_SENDS_AT_ONCE = 4
"""Of one process of notifications: so many mails may be sent again after it was killed."""


async def test_no_acknowledged_order_is_lost_and_none_happens_twice(shop: Market, figures: Figures) -> None:
    chance = random.Random(790)  # among its first six faults are those of NATS and both databases
    orders, count, longest = (5000, 1000, 6.0) if figures.long else (150, 6, 1.5)
    struck: list[Fault] = []
    began = get_running_loop().time()

    async with trade(shop, seed=1) as load:
        for fault in faults(shop.mesh.stack, chance, longest)[:count]:
            await ordered(shop, load, chance.randint(orders // 200, orders // 40))
            figures.tell(f"{fault.way} {fault.process}, {len(shop.account.placed)} orders")
            await fault.strike(shop.mesh.stack)
            struck.append(fault)
        await ordered(shop, load, orders - len(shop.account.placed))
    loaded = get_running_loop().time()
    books = await shop.verify()

    figures.add(
        "orders while everything fails",
        faults=Counter(fault.way for fault in struck),
        orders=len(books.orders),
        ends=Counter(books.orders.values()),
        repeated_requests=shop.account.repeated,
        events=len(books.streamed),
        mails=shop.mesh.letters.counts.total(),
        mails_twice=shop.repeated_mails(),
        seconds=round(loaded - began),
        settled_after_s=round(get_running_loop().time() - loaded),
        **load.outcomes.figures(),
    )
    assert {"delivered", "refused", "cancelled"} == {*books.orders.values()}
    killed = [one for one in struck if one.way == "kill" and one.process.startswith("notifications")]
    assert shop.repeated_mails() <= _SENDS_AT_ONCE * len(killed)


async def test_a_rolling_deploy_fails_no_order(shop: Market, figures: Figures) -> None:
    names = [row.name for row in WORKERS] if figures.long else ["orders", "stock", "shipping"]
    before, repeated = len(shop.account.placed), shop.account.repeated

    async with trade(shop, seed=2) as load:
        for replica in (1, 2) * 2 if figures.long else (1,):
            figures.tell(f"replica {replica} of all workers, {len(load.outcomes)} requests")
            await ordered(shop, load, 10)
            await asyncio.gather(*(shop.mesh.stack.restart(f"{name}-{replica}") for name in names))
        await ordered(shop, load, 10)
    await shop.verify()

    repeated = shop.account.repeated - repeated
    placed = len(shop.account.placed) - before
    figures.add("orders in a rolling deploy", orders=placed, repeated_requests=repeated, **load.outcomes.figures())
    assert 0 == repeated


async def test_a_service_that_was_away_catches_up(shop: Market, figures: Figures) -> None:
    events = 10_000 if figures.long else 200
    stack, away = shop.mesh.stack, ("notifications-1", "notifications-2")
    for name in away:
        stack.freeze(name)
    try:
        async with trade(shop, seed=3) as load:
            while await waiting(shop, "notifications") < events:
                await ordered(shop, load, 10)
        while {*await shop.streams.unsettled()} - {"notifications"}:
            await asyncio.sleep(0.1)
        missed = await waiting(shop, "notifications")
    finally:
        for name in away:
            stack.thaw(name)
    began = get_running_loop().time()
    while await waiting(shop, "notifications"):
        await asyncio.sleep(0.05)
    handled = get_running_loop().time() - began
    await shop.verify()

    figures.add(
        "notifications away",
        events=missed,
        handled_s=round(handled, 1),
        events_per_s=round(missed / handled),
        mailed_s=round(get_running_loop().time() - began, 1),
    )
    assert events <= missed


async def waiting(shop: Market, service: str) -> int:
    """The messages that the service has still to settle."""
    return (await shop.streams.unsettled()).get(service, 0)


async def test_events_that_come_three_times_and_shuffled_change_nothing(shop: Market, figures: Figures) -> None:
    chance = random.Random(31)
    await shop.settle()
    start = max(1, await shop.streams.last() - (5_000 if figures.long else 120))
    events = [one for one in await shop.streams.events(start) if one.subject.startswith("events.")]
    before, mails = await shop.snapshot(), shop.mesh.letters.counts.copy()
    began = get_running_loop().time()

    for _ in range(3):
        await again(shop, events, chance)
    assert before == await shop.snapshot()

    seconds = round(get_running_loop().time() - began)
    deliveries = 3 * len([*addressed(events)])
    figures.add("events again and shuffled", events=len(events), deliveries=deliveries, seconds=seconds)
    assert deliveries > 3 * len(events) // 2
    assert mails == shop.mesh.letters.counts
    await shop.verify()


def addressed(events: Iterable[Stored]) -> Iterable[tuple[str, Stored]]:
    """Each event with each service that handles it."""
    return ((service, event) for event in events for service in CONSUMERS if event.subject in HANDLED[service])


async def again(shop: Market, events: Iterable[Stored], chance: random.Random) -> None:
    """Have each service handle its events once more, in another order, and wait until all is settled."""
    places = asyncio.Semaphore(20)

    async def deliver(service: str, event: Stored) -> None:
        headers = {**event.headers, "Nats-Msg-Id": f"{service} {event.sequence} {chance.random()}"}
        async with places:
            await shop.streams.operator.publish(retry_subject(service), event.payload, headers)

    deliveries = [*addressed(events)]
    chance.shuffle(deliveries)
    await asyncio.gather(*(deliver(*one) for one in deliveries))
    await shop.settle()


async def test_poison_for_every_service_holds_up_no_order(shop: Market) -> None:
    for service in CONSUMERS:
        await shop.streams.operator.publish(retry_subject(service), b"{}", {"ce-specversion": "1.0"})
    async with trade(shop, seed=4) as load:
        await ordered(shop, load, 5)
    await shop.settle()

    letters = await shop.streams.letters()
    assert {f"dead.{service}" for service in CONSUMERS} == {letter.subject for letter in letters}
    assert {"no_cloud_event"} == {letter.headers["Dead-Reason"] for letter in letters}
    for letter in letters:
        await dead_letters.drop(shop.streams.operator, letter.sequence)
    await shop.verify()


async def test_a_poison_event_holds_up_no_other_and_is_handled_by_a_retry_after_the_mend(shop: Market) -> None:
    poison = shop.account.goods.plenty[0]
    shop.mesh.bug.write_text(str(poison))
    try:
        async with trade(shop, seed=5) as load:
            while not await shop.streams.letters():
                await ordered(shop, load, 5)
        while await held_up(shop, poison):
            await asyncio.sleep(0.1)
        letters = await shop.streams.letters()
    finally:
        shop.mesh.bug.unlink()
    assert {("dead.stock", "bug", "1")} == {
        (letter.subject, letter.headers["Dead-Reason"], letter.headers["Dead-Attempts"]) for letter in letters
    }

    retried = await mesh(
        "events", "dead", "retry", "--all", "--service", "stock", MESH_HOME=str(shop.mesh.stack.state.home)
    )

    assert (0, len(letters)) == (retried.code, retried.out.count("retried "))
    await shop.verify()


async def held_up(shop: Market, poison: int) -> set[int]:
    """The orders without the poisonous product that have not gone on."""
    books = await shop.read()
    return {one for one, status in books.orders.items() if status == "placed" and poison not in books.lines[one]}
