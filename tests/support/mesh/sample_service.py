"""A small service of the tests: endpoints whose handlers do what a test wants to see."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.base import Reason
from mesh.core.context import Caller
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import Unauthenticated
from mesh.service.service import Service
from mesh.transport.base import Transport
from mesh.wire.discovery import SHARED


class Say(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    text: str = "hello"
    times: Annotated[int, Field(ge=1, le=1000)] = 1


class Said(BaseModel):
    text: str


class SampleReason(Reason):
    ALREADY_SAID = "conflict", "already_said"
    TOO_OFTEN = "rate_limited", "too_often"


REASONS = tuple(SampleReason)
SAY = Endpoint("sample.say", Say, Said, Access.ANYONE, idempotent=True, timeout=5, reasons=REASONS)
SHOUT = Endpoint("sample.shout", Say, Said, Access.ADMIN, verified=True, timeout=5, reasons=REASONS)
WHISPER = Endpoint("sample.whisper", Say, Said, Access.ANYONE, verified=True, timeout=5, reasons=REASONS)

ALICE = Caller("alice", "s1", frozenset({"USER"}))
ADA = Caller("ada", "s2", frozenset({"USER", "ADMIN"}))


async def verify(authorization: str) -> Caller:
    """Know two tokens by heart."""
    known = {"Bearer alice": ALICE, "Bearer ada": ADA}
    if authorization not in known:
        raise Unauthenticated("invalid_token", "the access token is not valid")
    return known[authorization]


async def say(request: Say) -> Said:
    return Said(text=request.text * request.times)


def sample(
    transport: Transport,
    handler: Callable[[Say], Awaitable[Said]] = say,
    *,
    concurrency: int = 64,
    queue_size: int = 256,
    clock: Callable[[], float] = time.time,
    pool: str = SHARED,
) -> Service:
    """Make the service, with one handler behind all its endpoints; not started."""
    service = Service(
        "sample",
        transport,
        version="1.2.3",
        description="A service of the tests",
        verify=verify,
        concurrency=concurrency,
        queue_size=queue_size,
        clock=clock,
        pool=pool,
    )
    service.add(SAY, handler)
    service.add(SHOUT, handler)
    service.add(WHISPER, handler)
    return service


class Gate:
    """A handler that waits until it is let go, and counts who is inside."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.inside = 0
        self.most_inside = 0
        self.passed = 0

    async def __call__(self, request: Say) -> Said:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await self.open.wait()
        finally:
            self.inside -= 1
        self.passed += 1
        return await say(request)
