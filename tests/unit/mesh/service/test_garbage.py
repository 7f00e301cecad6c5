"""No request leaves a cycle behind: garbage collection is rare (mesh/process/run.py), too late for a flood."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from io import BytesIO

import pytest
import structlog

from mesh.core.errors import Conflict, NoResponder, NotFound, RateLimited
from mesh.telemetry.logs import as_json, exceptions
from mesh.transport.memory import MemoryTransport
from tests.support.garbage import left_by
from tests.support.mesh.raw import raw
from tests.support.mesh.sample_service import Said, SampleReason, Say, sample, say

_ROUNDS = 12
"""So many cycles at least, where each request leaves one."""

Handler = Callable[[Say], Awaitable[Said]]


@pytest.fixture(autouse=True)
def logging_as_a_process_does() -> Iterator[None]:
    """What logs an exception must leave no cycle either; structlog's own way for a terminal does."""
    structlog.configure([exceptions, as_json], logger_factory=structlog.BytesLoggerFactory(BytesIO()))
    yield
    structlog.reset_defaults()


async def conflict(_: Say) -> Said:
    raise Conflict(SampleReason.ALREADY_SAID, "it was said before")


async def caused(_: Say) -> Said:
    raise RateLimited(SampleReason.TOO_OFTEN, "later") from Conflict(SampleReason.ALREADY_SAID, "said before")


async def undeclared(_: Say) -> Said:
    raise NotFound("nothing", "there is nothing") from Conflict(SampleReason.ALREADY_SAID, "said before")


async def bug(_: Say) -> Said:
    return Said(text=str(int("bug")))


async def no_dependency(_: Say) -> Said:
    raise NoResponder("no worker serves other")


async def too_large(_: Say) -> Said:
    return Said(text="x" * 20_000)


async def slow(_: Say) -> Said:
    await asyncio.sleep(60)
    return Said(text="")


@pytest.mark.parametrize(
    ("handler", "body", "headers"),
    [
        (say, b"{}", {}),
        (say, b"{", {}),
        (say, b'{"text":1}', {}),
        (say, json.dumps({str(n): n for n in range(50)}).encode(), {}),
        (say, b"x" * 9_000, {}),
        (say, b"{}", {"Request-Deadline": "1000"}),
        (say, b"{}", {"Request-Timeout": "soon"}),
        (say, b'{"text":"a","text":"b"}', {}),
        (say, b'{"loud":NaN}', {}),
        (conflict, b"{}", {}),
        (caused, b"{}", {}),
        (undeclared, b"{}", {}),
        (bug, b"{}", {}),
        (no_dependency, b"{}", {}),
        (too_large, b"{}", {}),
        (slow, b"{}", {"Request-Timeout": "5"}),
    ],
)
async def test_no_request_leaves_a_cycle_in_the_worker(
    worker: MemoryTransport, caller: MemoryTransport, handler: Handler, body: bytes, headers: dict[str, str]
) -> None:
    await sample(worker, handler).start()
    for subject in ("sample.say", "sample.shout", "sample.whisper"):
        assert not await left_by(partial(raw, caller, subject, body, headers), _ROUNDS), subject
