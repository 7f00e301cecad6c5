"""Whether the gateway can do its work: connected to NATS, and every service answers."""

import asyncio
from collections.abc import Iterable

from pydantic import BaseModel

from mesh.bus import Transport
from mesh.errors import CallError

_TIMEOUT = 0.5
_GOOD_FOR = 1.0


class Report(BaseModel):
    """What a probe is told; `reason` is null where all is well."""

    ready: bool
    nats: bool
    services: dict[str, bool]
    reason: str | None = None


class Readiness:
    """Asks each service for a sign of life (ADR-32's PING), at most once a second however many probes there are."""

    def __init__(self, transport: Transport, services: Iterable[str]) -> None:
        self.stopping = False
        """Set when the end has begun: from then on nothing is ready."""
        self._transport = transport
        self._services = sorted(services)
        self._asking = asyncio.Lock()
        self._known: dict[str, bool] = {}
        self._known_until = float("-inf")

    async def report(self) -> Report:
        """How things stand."""
        nats = self._transport.connected
        services = await self._answering() if nats else dict.fromkeys(self._services, False)
        missing = [name for name, answers in services.items() if not answers]
        reason = None
        if self.stopping:
            reason = "stopping"
        elif not nats:
            reason = "not connected to NATS"
        elif missing:
            reason = f"no answer from {', '.join(missing)}"
        return Report(ready=reason is None, nats=nats, services=services, reason=reason)

    async def _answering(self) -> dict[str, bool]:
        async with self._asking:
            now = asyncio.get_running_loop().time
            if now() >= self._known_until:
                answers = await asyncio.gather(*map(self._answers, self._services))
                self._known = dict(zip(self._services, answers, strict=True))
                self._known_until = now() + _GOOD_FOR
            return self._known

    async def _answers(self, service: str) -> bool:
        try:
            await self._transport.request(f"$SRV.PING.{service}", b"", {}, _TIMEOUT)
        except CallError:
            return False
        return True
