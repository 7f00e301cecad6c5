"""Instances that cannot share a service's state do not serve side by side."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from mesh.client.instances import Instances
from mesh.service.health import health_monitor
from mesh.service.pool import CONFLICT, Pool
from mesh.service.service import Service
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.discovery import EXCLUSIVE, SHARED
from tests.support.mesh.sample_service import sample
from tests.support.virtual_clock import in_virtual_time
from tests.support.waiting import until


def roster(**pools: str) -> bytes:
    return json.dumps({"instances": [{"id": one, "pool": pool} for one, pool in pools.items()]}).encode()


def heard(pool: Pool, *rosters: bytes) -> list[bool]:
    """After each poll, whether the instance may serve."""
    found = []
    for one in rosters:
        pool.hear(one)
        found.append(pool.conflict is None)
    return found


@pytest.mark.parametrize(("own", "other"), [(EXCLUSIVE, SHARED), (SHARED, EXCLUSIVE), (EXCLUSIVE, EXCLUSIVE)])
def test_the_one_that_comes_later_yields_until_the_other_is_gone(own: str, other: str) -> None:
    assert [False, False, True] == heard(Pool("a", own), roster(b=other), roster(b=other), roster())
    assert [True, True] == heard(Pool("a", own), roster(a=own), roster(a=own, b=other))


def test_of_two_that_serve_already_the_smaller_id_stays() -> None:
    both = roster(a=EXCLUSIVE, b=SHARED)
    assert ([True, True], [True, False]) == (
        heard(Pool("a", EXCLUSIVE), roster(), both),
        heard(Pool("b"), roster(), both),
    )


def test_instances_that_share_their_state_serve_together() -> None:
    assert [True, True] == heard(Pool("b"), roster(a=SHARED), roster(a=SHARED, b=SHARED, c="of a later version"))


@pytest.mark.parametrize("wrong", [b"{", b"[]", b'{"instances":[{}]}', b'{"instances":[{"id":1}]}'])
def test_a_poll_that_cannot_be_read_says_nothing(wrong: bytes) -> None:
    pool = Pool("b", EXCLUSIVE)
    assert [False, False] == heard(pool, roster(a=SHARED), wrong)


@in_virtual_time
async def test_the_second_of_two_instances_serves_once_the_first_one_is_gone() -> None:
    async with AsyncExitStack() as resources:
        broker = MemoryBroker()
        first = await started(broker, resources, SHARED)
        await resources.enter_async_context(Instances(MemoryTransport(broker, "gateway"), ["sample"]).monitored())
        await asyncio.sleep(2)
        second = await started(broker, resources, EXCLUSIVE)
        await until(lambda: second.pool.conflict == CONFLICT)
        await asyncio.sleep(2)
        assert (1, None) == (serving(broker), first.pool.conflict)
        await first.drain()
        await until(lambda: second.pool.conflict is None)
        await until(lambda: serving(broker) == 1)


async def started(broker: MemoryBroker, resources: AsyncExitStack, kind: str) -> Service:
    service = sample(MemoryTransport(broker, f"worker {kind}"), pool=kind)
    await service.start()
    await resources.enter_async_context(health_monitor(service, able, "not used"))
    return service


async def able() -> None:
    """A probe that finds nothing wrong."""


def serving(broker: MemoryBroker) -> int:
    """How many instances are in the queue group of the endpoint."""
    return sum(one.queue == "q" and one.pattern == ["sample", "say"] for one in broker.subscriptions)
