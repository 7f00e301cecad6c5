"""Runs the customers worker in Go, with the environment that `mesh up --without customers` writes for it."""

import itertools
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

from dotenv import dotenv_values

from devstack.stack.stack import Stack
from mesh.client.discover import ask_all
from mesh.nats.transport import NatsTransport
from mesh.wire.discovery import InstanceDocument
from tests.support.polyglot import PATH, POLYGLOT
from tests.support.servers.processes import Process, module

FOLDER: Final = POLYGLOT / "customers-go"
WITHIN: Final = 600
REPLACED: Final = "MESH_TEST_CUSTOMERS_GO"
"""The variable with the path of the program, for all suites that use the whole stack."""
_numbers = itertools.count()


def go(*arguments: str) -> None:
    """Run the command `go` in the worker's folder. A failure shows all that it said."""
    command = ["env", f"PATH={PATH}", "go", *arguments]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=WITHIN)
    assert 0 == done.returncode, done.stdout + done.stderr


def go_worker(stack: Stack, program: Path, **environment: str) -> Process:
    """A worker in Go beside the stack's other services."""
    return Process(_log(stack, "go"), str(program), **{**_environment(stack), **environment})


def python_worker(stack: Stack, **environment: str) -> Process:
    """The worker of this repository."""
    return module(_log(stack, "python"), "customers_svc", **{**_environment(stack), **environment})


@asynccontextmanager
async def serving(stack: Stack, program: Path) -> AsyncIterator[None]:
    """A worker in Go serves. The one in Python runs before, and makes the tables."""
    async with go_worker(stack, program) as worker:
        await worker.said("probe_failed")  # it waits for the tables
        async with python_worker(stack) as first:
            await first.said("service_started")
        await worker.said("service_ready")
        yield


@asynccontextmanager
async def replaced(stack: Stack) -> AsyncIterator[None]:
    """The worker in Go that REPLACED names, if it does, in the place of the one in Python."""
    if (program := os.environ.get(REPLACED)) is None:
        yield
    else:
        async with serving(stack, Path(program)):
            yield


def left_out() -> tuple[Literal["customers"], ...]:
    """The services that `replaced` starts."""
    return ("customers",) if REPLACED in os.environ else ()


def _log(stack: Stack, language: str) -> Path:
    return stack.state.logs / f"customers-{language}-{next(_numbers)}.log"


def _environment(stack: Stack) -> dict[str, str]:
    values = dotenv_values(stack.state.environments["customers"])
    return {"PATH": os.defpath, **{name: value for name, value in values.items() if value is not None}}


async def instances(transport: NatsTransport, verb: str, count: int) -> list[InstanceDocument]:
    """What the instances of customers answer, once there are so many."""
    return await ask_all(transport, f"{verb}.customers", 5.0, lambda found: len(found) == count)


def served(document: InstanceDocument) -> int:
    """How many requests the instance has counted."""
    return sum(endpoint.num_requests for endpoint in document.endpoints)
