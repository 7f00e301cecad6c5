"""A worker in the place of one that `mesh up` leaves out, on real servers; and ports that stay."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from httpx2 import AsyncClient

from devstack.stack.services import ROOT, ServiceCommand
from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from services import BY_NAME, WORKERS

Eventually = Callable[[Callable[[], object]], Awaitable[None]]


async def test_a_worker_that_somebody_else_runs_takes_its_place_with_the_environment_in_its_file(
    tmp_path: Path,
) -> None:
    settings = StackSettings(home=tmp_path / "a home", http_port=0, without=tuple(row.name for row in WORKERS))
    async with Stack(settings) as stack:
        assert {"nats", "postgres", "mongo", "gateway"} == set(stack.state.processes)
        file = stack.state.environments["products"]
        assert 0o600 == stat.S_IMODE(file.stat().st_mode)
        async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as http:
            assert not (await http.get("/readyz")).json()["services"]["products"]
            command = f"set -a; . {shlex.quote(str(file))}; exec {shlex.quote(sys.executable)} -m products_svc"
            worker = await asyncio.create_subprocess_exec("sh", "-c", command, cwd=ROOT, env={"PATH": os.defpath})
            try:
                while not (await http.get("/readyz")).json()["services"]["products"]:
                    assert worker.returncode is None
                    await asyncio.sleep(0.1)
                assert 2 == len((await http.get("/v1/products?limit=2")).json()["items"])
            finally:
                worker.send_signal(signal.SIGTERM)
                await worker.wait()


async def test_the_ports_of_the_last_start_are_kept_and_those_that_were_asked_for_win(
    tmp_path: Path, stand_ins: ServiceCommand
) -> None:
    async with Stack(StackSettings(home=tmp_path / "home", http_port=0), service_command=stand_ins) as stack:
        first = stack.state
    again = StackSettings(home=tmp_path / "home", http_port=0, keep_ports=True, only=("customers", "gateway"))
    async with Stack(again, service_command=stand_ins) as stack:
        second = stack.state
    assert {"nats", "postgres", "mongo", "customers", "gateway"} == set(second.processes)
    assert set(BY_NAME) - {"customers", "gateway"} == set(second.environments)
    same = ("gateway_urls", "nats_url", "nats_monitor_url", "databases", "operator", "admin")
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]


async def test_a_stack_without_a_gateway_is_ready_when_its_workers_are(
    tmp_path: Path, stand_ins: ServiceCommand
) -> None:
    settings = StackSettings(home=tmp_path / "home", http_port=0, only=("customers",))
    async with Stack(settings, service_command=stand_ins) as stack:
        assert {"nats", "postgres", "mongo", "customers"} == set(stack.state.processes)
        assert "GATEWAY_PORT=" in stack.state.environments["gateway"].read_text()
