"""Whether the gateway is ready: connected to NATS, with at least one ready instance of every service."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from pydantic import BaseModel

from mesh.client.discover import ask_all
from mesh.core.errors import CallError
from mesh.transport.base import Transport
from mesh.wire.discovery import InstanceDocument
from subjects import AUTH_SESSIONS_REVOKED

_AUTH = AUTH_SESSIONS_REVOKED.service
_TIMEOUT = 0.5
_GOOD_FOR = 1.0


class Report(BaseModel):
    """The body of /readyz. `reason` is null if all is well. With `ready`, it says which calls may fail."""

    ready: bool
    nats: bool
    services: dict[str, bool]
    reason: str | None = None


class Readiness:
    """Pings every instance (ADR-32), at most once a second however many probes there are.

    auth also counts as unready until it has returned its revoked sessions (`revocations_known`): nobody is let in
    before.
    """

    def __init__(
        self, transport: Transport, services: Iterable[str], revocations_known: Callable[[], Awaitable[bool]]
    ) -> None:
        self.stopping = False
        """Set when the shutdown begins. From then on `ready` is false."""
        self._transport = transport
        self._services = sorted(services)
        self._revocations_known = revocations_known
        self._asking = asyncio.Lock()
        self._lacks: dict[str, str | None] = {}
        self._limits: dict[str, str] = {}
        self._known_until = float("-inf")

    async def report(self) -> Report:
        """The current state."""
        nats = self._transport.connected
        lacks = await self._asked() if nats else dict.fromkeys(self._services)
        reason = None
        if self.stopping:
            reason = "stopping"
        elif not nats:
            reason = "not connected to NATS"
        elif lacks:
            reason = _summary(lacks)
        ready = reason is None
        if ready and self._limits:
            reason = "; ".join(f"{name}: {limit}" for name, limit in self._limits.items())
        services = {name: name not in lacks for name in self._services}
        return Report(ready=ready, nats=nats, services=services, reason=reason)

    async def _asked(self) -> dict[str, str | None]:
        """Each service that is not ready, with the reason it gives; None if it does not answer."""
        async with self._asking:
            now = asyncio.get_running_loop().time
            if now() >= self._known_until:
                answers = await asyncio.gather(*(self._ping(service) for service in self._services))
                found = dict(zip(self._services, answers, strict=True))
                self._lacks = {name: _why_not(documents) for name, documents in found.items() if not _ready(documents)}
                self._limits = {name: limit for name, documents in found.items() if (limit := _limit(documents))}
                if _AUTH not in self._lacks and not await self._revocations_known():
                    self._lacks[_AUTH] = "it has not returned the revoked sessions"
                self._known_until = now() + _GOOD_FOR
            return self._lacks

    async def _ping(self, service: str) -> list[InstanceDocument]:
        """Replies of the service's instances. Only they may subscribe to the service's own name (nats.conf).

        Each service replies to an inbox of its own, so that none can answer for another.
        """
        try:
            return await ask_all(self._transport, f"PING.{service}", _TIMEOUT, _ready)
        except CallError:
            return []


def _ready(documents: Sequence[InstanceDocument]) -> bool:
    """Whether at least one instance is ready."""
    return any(document.ready for document in documents)


def _why_not(documents: Sequence[InstanceDocument]) -> str | None:
    """The reason that an unready instance gives; None without an answer."""
    return documents[-1].reason if documents else None


def _limit(documents: Sequence[InstanceDocument]) -> str | None:
    """What a ready instance cannot do at the moment; None if nothing."""
    limits = [document.limit for document in documents if document.ready]
    return limits[-1] if limits else None


def _summary(lacks: Mapping[str, str | None]) -> str:
    silent = [name for name, why in lacks.items() if why is None]
    reasons = [f"no answer from {', '.join(silent)}"] if silent else []
    return "; ".join(reasons + [f"{name} is not ready: {why}" for name, why in lacks.items() if why is not None])
