"""Calls that are cancelled and calls that time out, by the thousand: afterwards nothing of them is left."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
import structlog

from mesh.client.client import Client
from mesh.core.errors import DeadlineExceeded, RemoteFault
from tests.support.load.figures import Figures
from tests.support.mesh.sample_service import SAY, Said, Say, sample
from tests.support.servers.nats_server import NatsServer
from tests.support.waiting import until

AT_ONCE = 50
MOST_GROWTH = 8.0
"""MiB by which this process may grow from one half of the calls to the other."""


async def sometimes_slow(request: Say) -> Said:
    """One in five takes longer than some callers wait."""
    await asyncio.sleep(random.choice((0, 0, 0, 0, 0.02)))
    return Said(text=request.text)


def memory() -> float:
    """The resident memory of this process, in MiB."""
    return float(psutil.Process().memory_info().rss) / 2**20


@pytest.fixture
def quiet() -> Iterator[None]:
    """No line for each request, of which there are many."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.configure(**before)


async def test_cancellations_and_timeouts_leave_nothing_behind(
    tmp_path_factory: pytest.TempPathFactory, quiet: None, figures: Figures
) -> None:
    server = NatsServer(tmp_path_factory.mktemp("leaks"))
    await server.start()
    worker, caller = await server.connect("sample"), await server.connect("caller")
    service, client = sample(worker, sometimes_slow), Client(caller)
    await service.start()
    outcomes: Counter[str] = Counter()

    async def call() -> None:
        asking = asyncio.ensure_future(client.call(SAY, Say(), random.choice((5, 5, 0.01))))
        if random.random() < 0.3:
            await asyncio.sleep(random.choice((0, 0.002, 0.01)))
            asking.cancel()
        try:
            await asking
        except asyncio.CancelledError:
            outcomes["cancelled"] += 1
        except (DeadlineExceeded, RemoteFault) as error:
            outcomes[type(error).__name__] += 1
        else:
            outcomes["ok"] += 1

    async def calls(count: int) -> None:
        for number in range(count // AT_ONCE):
            await asyncio.gather(*(call() for _ in range(AT_ONCE)))
            if number % 400 == 0:
                figures.tell(f"{sum(outcomes.values())} of {total} calls")
        await until(lambda: not (service.running or service.queued))

    total = 200_000 if figures.long else 5_000
    await calls(total // 10)
    tasks, subscriptions = asyncio.all_tasks(), caller.connection.subscription_count
    await calls(total * 4 // 10)
    halfway = memory()
    await calls(total // 2)
    growth = memory() - halfway

    figures.add("cancellations and timeouts", requests=total, growth_mib=round(growth, 1), **outcomes)
    assert total == sum(outcomes.values())
    assert min(outcomes["ok"], outcomes["cancelled"], outcomes["DeadlineExceeded"]) > total / 100
    assert 0 == caller.pending_requests
    assert (0, 0) == (service.running, service.background_tasks)
    assert subscriptions == caller.connection.subscription_count
    await until(lambda: asyncio.all_tasks() <= tasks | {asyncio.current_task()})
    assert growth < MOST_GROWTH
    await service.drain()
    for transport in (worker, caller):
        await transport.close()
    await server.stop()
