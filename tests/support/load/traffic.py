"""Steady load on a running mesh, and what became of each request: what a fault is held against."""

import asyncio
import itertools
import math
from asyncio import get_running_loop
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from httpx2 import AsyncClient, ConnectError, HTTPError, Limits, Response

from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.client.client import Client
from mesh.core.context import Context, request_id_from, working_on
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.core.errors import CallError, Disconnected, NoResponder, RemoteFault
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport

Ask = Callable[[], Awaitable[str]]
"""Makes one request, or one after the other until there is an answer, and returns its kind; "ok" is a good one."""

PATIENCE = 20.0
"""Seconds after which an HTTP client gives up: far more than any deadline, so that an answer in vain is seen."""
_CONNECTIONS = Limits(max_connections=200, max_keepalive_connections=200)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the kind of its answer, and when it began and ended.

    By the clock that the loop's time follows, in whole milliseconds under uvloop.
    """

    kind: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long its caller waited."""
        return self.ended - self.began


class Outcomes(list[Outcome]):
    """Requests in the order in which they ended."""

    def counts(self) -> Counter[str]:
        """How many of each kind."""
        return Counter(outcome.kind for outcome in self)

    def failed(self) -> dict[str, int]:
        """How many of each kind that is not "ok"."""
        return {kind: count for kind, count in self.counts().items() if kind != "ok"}

    def of(self, kinds: Iterable[str]) -> "Outcomes":
        """Those of some kinds."""
        wanted = set(kinds)
        return Outcomes(outcome for outcome in self if outcome.kind in wanted)

    def begun(self, after: float = -math.inf, before: float = math.inf) -> "Outcomes":
        """Those that began within a time."""
        return Outcomes(outcome for outcome in self if after <= outcome.began < before)

    def ended(self, after: float = -math.inf, before: float = math.inf) -> "Outcomes":
        """Those whose answers came within a time."""
        return Outcomes(outcome for outcome in self if after <= outcome.ended < before)

    def percentile(self, percent: float) -> float:
        """Seconds that so many of a hundred did not exceed (nearest rank); 0 without any."""
        ordered = sorted(outcome.seconds for outcome in self)
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0

    def figures(self) -> dict[str, Any]:
        """What a report tells of them."""
        return {
            "requests": len(self),
            "failed": self.failed(),
            "p50_ms": round(self.percentile(50) * 1000, 1),
            "p99_ms": round(self.percentile(99) * 1000, 1),
            "longest_ms": round(self.percentile(100) * 1000, 1),
        }


class Load:
    """Requests that are being made all the while."""

    def __init__(self) -> None:
        self.outcomes = Outcomes()

    async def record(self, ask: Ask) -> None:
        """Make one request."""
        began = monotonic()
        kind = await ask()
        self.outcomes.append(Outcome(kind, began, monotonic()))

    async def more(self, count: int, kind: str | None = None) -> None:
        """Wait until so many requests have been begun and answered from here on, be it of one kind."""
        since, seen = monotonic(), len(self.outcomes)
        while count > 0:
            await asyncio.sleep(0.01)
            fresh = self.outcomes[seen:]
            seen += len(fresh)
            count -= sum(one.began >= since and kind in {None, one.kind} for one in fresh)


@asynccontextmanager
async def traffic(asks: Sequence[Ask], at_once: int = 8, pause: float = 0.0) -> AsyncIterator[Load]:
    """Have `at_once` callers make the requests in turn, each one after the other; at the end all have their answers.

    `pause`: seconds that a caller waits between two. An error that an `Ask` raises ends the test.
    """
    load, over = Load(), asyncio.Event()

    async def call(mine: Iterator[Ask]) -> None:
        while not over.is_set():
            await load.record(next(mine))
            await asyncio.sleep(pause)

    async with asyncio.TaskGroup() as callers:
        for number in range(at_once):
            callers.create_task(call(itertools.islice(itertools.cycle(asks), number % len(asks), None)))
        try:
            yield load
        finally:
            over.set()


def status(response: Response) -> str:
    """The kind of an HTTP answer: "ok", or its status and reason."""
    if response.is_success:
        return "ok"
    return f"{response.status_code} {response.json()['reason']}"


def kind_of(error: CallError) -> str:
    """The kind of a failed call, as the gateway would tell it."""
    match error:
        case RemoteFault():
            return f"{error.code.number} {error.reason}"
        case NoResponder():
            return "503 no_responders"
        case Disconnected():
            return "503 connection_lost" if error.sent else "503 disconnected"
    return type(error).__name__


class Balancer:
    """HTTP to several gateways by turns, as a load balancer does it.

    A gateway whose /readyz is not 200 gets no new requests, and a connection that was never accepted is tried at the
    next; a request that was sent is sent once.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)
        self._turns = itertools.count()
        self.unready: set[str] = set()
        """The gateways that get nothing new just now."""
        self._http = AsyncClient(timeout=PATIENCE, limits=_CONNECTIONS)

    async def send(self, method: str, path: str, **more: Any) -> Response:  # noqa: ANN401  # as httpx2's own
        """The answer. Raises HTTPError where there is none."""
        ready = [url for url in self._urls if url not in self.unready] or self._urls
        first = next(self._turns)
        for turn in range(len(ready)):
            try:
                return await self._http.request(method, ready[(first + turn) % len(ready)] + path, **more)
            except ConnectError:
                if turn + 1 == len(ready):
                    raise
        raise AssertionError  # there is at least one

    async def kind(self, method: str, path: str, **more: Any) -> str:  # noqa: ANN401  # as httpx2's own
        """The kind of the answer, "broken: …" where there is none."""
        try:
            return status(await self.send(method, path, **more))
        except HTTPError as error:
            return f"broken: {type(error).__name__}"

    async def watch(self) -> None:
        """Ask each gateway again and again whether it is ready, until cancelled."""
        async with AsyncClient(timeout=1.0, limits=Limits(max_keepalive_connections=0)) as http:
            while True:
                for url in self._urls:
                    try:
                        ready = (await http.get(f"{url}/readyz")).is_success
                    except HTTPError:
                        ready = False
                    (self.unready.discard if ready else self.unready.add)(url)
                await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Disconnect."""
        await self._http.aclose()


@asynccontextmanager
async def balanced(stack: Stack) -> AsyncIterator[Balancer]:
    """HTTP to every gateway of the stack."""
    balancer = Balancer(stack.state.gateway_urls)
    watching = asyncio.create_task(balancer.watch())
    try:
        yield balancer
    finally:
        watching.cancel()
        await balancer.close()


class Caller:
    """The mesh's own client, past the gateway, as the NATS user who may ask everything."""

    def __init__(self, transport: NatsTransport) -> None:
        self.transport = transport
        self.client = Client(transport)

    async def call(
        self, endpoint: Endpoint[Req, Rep], request: Req, token: str | None = None, key: str | None = None
    ) -> Rep:
        """The reply, within the endpoint's own time. Raises as Client.call does."""
        deadline = get_running_loop().time() + endpoint.timeout
        authorization = None if token is None else f"Bearer {token}"
        with working_on(
            Context(request_id_from(None), deadline, authorization=authorization, idempotency_key=key),
        ):
            return await self.client.call(endpoint, request)

    async def kind(
        self, endpoint: Endpoint[Req, Rep], request: Req, token: str | None = None, key: str | None = None
    ) -> str:
        """The kind of the answer."""
        try:
            await self.call(endpoint, request, token, key)
        except CallError as error:
            return kind_of(error)
        return "ok"


@asynccontextmanager
async def connected(stack: Stack) -> AsyncIterator[Caller]:
    """A caller on the stack's NATS."""
    seed = load_credentials(stack.state.home).nats["gateway"]
    settings = {"nats_url": stack.state.nats_url, "nats_nkey_seed": seed}
    transport = await NatsTransport.connect(NatsSettings.model_validate(settings), "gateway")
    try:
        yield Caller(transport)
    finally:
        await transport.close()
