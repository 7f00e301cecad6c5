"""The workers of this repository conform: `mesh conform` on the running stack, a subset; all of it in `make faults`."""

import json
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec

import pytest

from devstack.stack.stack import Stack
from services import BY_NAME, WORKERS
from tests.support.long_form import LONG
from tests.support.paths import ROOT

NOBODY_SERVES = 3
SERVICES = [worker.name for worker in WORKERS]
QUICK = ("W-DISC-2", "W-REQ-5", "W-HDR-3", "W-DDL", "W-JSON-2", "W-TOK-1", "W-ID", "W-OK", "W-ERR", "W-EVT")
PUBLISHERS = {"auth", "customers", "products", "orders", "stock", "shipping"}
"""Services whose events the kit hears here."""


@pytest.mark.parametrize("service", SERVICES if LONG else ["customers", "orders", "stock", "shipping", "auth"])
async def test_a_worker_conforms(service: str, stack: Stack) -> None:
    rules = [] if LONG else [part for rule in QUICK for part in ("--rule", rule)]

    status, out, said = await conform(stack, service, "--json", "--payloads", "5", "--flood", "0", *rules)

    assert out, said
    report = json.loads(out)
    assert [] == [one for one in report["results"] if one["outcome"] == "failed"]
    assert 0 == status
    passed = {one["rule"] for one in report["results"] if one["outcome"] == "passed"}
    assert (service in PUBLISHERS) is ({"W-EVT-1", "W-EVT-2"} <= passed)
    assert (service == "orders") is ("W-EVT-10" in passed)
    assert report["passed"] > (10 if BY_NAME[service].store else 2)


@pytest.mark.parametrize("option", ["--private", "--jwks-stand-in"])
async def test_a_running_mesh_is_no_private_bus(option: str, stack: Stack) -> None:
    status, _, said = await conform(stack, "customers", option)
    assert NOBODY_SERVES == status
    assert "`mesh up` is no private bus" in said


async def conform(stack: Stack, *arguments: str) -> tuple[int | None, str, str]:
    """The exit status, and what the command prints."""
    command = (sys.executable, "-m", "cli.main", "conform", *arguments, "--home", str(stack.state.home))
    process = await create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()
