"""`mesh conform` says whom it checks: one instance alone, a pool of two, or nobody."""

import json
import re
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from customers_svc.app import build
from customers_svc.settings import CustomersSettings
from devstack.servers.all import Servers
from mesh.client.discover import ask_all
from mesh.nats.transport import NatsTransport
from tests.support.command import MESH
from tests.support.paths import ROOT
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.schemas import fresh_schema
from tests.support.wheel import installed

NOBODY_SERVES = 3


@pytest.fixture(scope="module")
async def pair(nats: NatsServer, postgres: Servers) -> AsyncIterator[list[str]]:
    """The ids of two customers workers on one database."""
    async with AsyncExitStack() as resources, fresh_schema(postgres.urls["customers"]) as url:
        settings = CustomersSettings(customers_database_url=url, customers_seed=True)
        services, transports = [], []
        for _ in range(2):
            transports.append(await NatsTransport.connect(nats.settings(), "customers"))
            services.append(await build(settings, transports[-1], resources))
            await services[-1].start()
        found = await ask_all(transports[0], "PING.customers", 5.0, lambda all_: len(all_) > 1)
        yield [one.id for one in found]
        for service in services:
            await service.drain()
        for transport in transports:
            await transport.close()


async def conform(
    nats: NatsServer, *arguments: str, mesh: tuple[str, ...] = (MESH,), folder: Path = ROOT
) -> tuple[int | None, str, str]:
    """The exit status, and what the command prints."""
    command = (*mesh, "conform", *arguments, "--jwks-stand-in")
    environment = {"PATH": "/usr/bin:/bin", "NATS_URL": nats.url}
    process = await create_subprocess_exec(*command, cwd=folder, env=environment, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_an_instance_is_not_checked_alone_beside_another(nats: NatsServer, pair: list[str]) -> None:
    first, second = pair
    status, _, said = await conform(nats, "customers", "--only", first)
    assert NOBODY_SERVES == status
    assert f"NATS would give requests to {second} too: stop them first" in said


async def test_an_instance_that_is_not_there_is_named(nats: NatsServer, pair: list[str]) -> None:
    status, _, said = await conform(nats, "customers", "--only", pair[0], "--against", "nobody")
    assert NOBODY_SERVES == status
    assert "not ready: nobody; ready: " in said


async def test_an_only_instance_that_is_not_there_is_named(nats: NatsServer, pair: list[str]) -> None:
    status, _, said = await conform(nats, "customers", "--only", "nobody")
    assert NOBODY_SERVES == status
    assert "no instance of customers with the id nobody is ready within 15 s" in said


async def test_an_unknown_service_is_named(nats: NatsServer) -> None:
    status, _, said = await conform(nats, "customer")
    assert NOBODY_SERVES == status
    assert "the contracts have no service 'customer'" in said


async def test_a_pool_of_two_is_checked_and_reported(nats: NatsServer, pair: list[str], tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    pool = ("--only", pair[0], "--against", pair[1])

    status, out, said = await conform(nats, "customers", *pool, "--rule", "W-POOL", "--json", "--junit", str(junit))

    assert 0 == status, said
    results = json.loads(out)["results"]
    assert {"passed"} == {one["outcome"] for one in results}
    assert {"W-POOL-1", "W-POOL-3"} == {one["rule"] for one in results}
    cases = ET.parse(junit).getroot().findall("testcase")  # noqa: S314  # the kit has written it
    assert len(results) == len(cases)


async def test_what_is_skipped_is_told_by_reason_after_what_was_tried(nats: NatsServer, pair: list[str]) -> None:
    status, out, said = await conform(nats, "customers", "--rule", "W-ID", "--rule", "W-READY-2", "--rule", "W-POOL-1")

    assert 0 == status, said
    tried, *skipped = out.split("skipped: ")
    assert {"passed"} == {line.split()[1] for line in tried.splitlines()[1:]}
    reasons = [one.splitlines()[:2] for one in skipped]
    assert [
        ["there is no other instance: --against", "  W-POOL-1"],
        ["there is no --stop-command", "  W-READY-2"],
    ] == reasons
    assert re.fullmatch(r"2 passed, 4 skipped; --seed \d+", out.splitlines()[-1])


async def test_the_kit_works_alone_from_its_wheel(nats: NatsServer, pair: list[str], tmp_path: Path) -> None:
    mesh = installed("conform", tmp_path)
    status, out, said = await conform(nats, "customers", "--rule", "W-OK", "--json", mesh=mesh, folder=tmp_path)
    assert 0 == status, said
    assert {"passed"} == {one["outcome"] for one in json.loads(out)["results"]}
