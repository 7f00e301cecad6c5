"""The health monitor: pauses a worker while its database is away, and resumes it afterwards."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from mesh.core.errors import Fault, MeshError
from mesh.service.service import Service

log = structlog.get_logger()

Probe = Callable[[], Awaitable[str | None]]
"""Checks the dependency in bounded time. Returns the limit of what it can do, or None.

Raises any exception if the dependency is away. The detail of a Fault becomes the reason in discovery.
"""

_EVERY = 1.0
_SOON = 0.2  # after a failure: confirms it, and then notices its end
_ENOUGH = 2  # failures in a row: a single one may be transient


@asynccontextmanager
async def health_monitor(service: Service, probe: Probe, reason: str, every: float = _EVERY) -> AsyncIterator[None]:
    """Probe every `every` seconds; pause the service from the second failure in a row until the first success.

    It also pauses the service while another instance keeps it from serving. A limit does not pause it; discovery
    reports the limit. The first probe comes after `every` seconds: the worker has checked its dependency when it
    started.
    """
    monitoring = asyncio.create_task(_monitor(service, probe, reason, every), name="health-monitor")
    try:
        yield
    finally:
        monitoring.cancel()
        await asyncio.wait({monitoring})


async def _monitor(service: Service, probe: Probe, reason: str, every: float) -> None:
    failures = 0
    while True:
        await asyncio.sleep(min(every, _SOON) if failures else every)
        absence, limit = await _probed(probe, reason, log_failure=failures == 0)
        failures = 0 if absence is None else failures + 1
        try:
            if failures >= _ENOUGH and absence is not None:
                await service.pause(absence)
            elif service.pool.conflict is not None:
                await service.pause(service.pool.conflict)
            elif absence is None:
                await service.resume(limit)
        except MeshError as error:  # NATS is away too: the next round retries
            log.warning("health_monitor_failed", error=str(error))


async def _probed(probe: Probe, reason: str, *, log_failure: bool) -> tuple[str | None, str | None]:
    """The reason why the service cannot serve, or None, and the limit of what it can serve."""
    try:
        return None, await probe()
    except Exception as error:  # noqa: BLE001  # any exception means that the dependency is away
        if log_failure:
            log.warning("probe_failed", error=str(error), type=type(error).__name__)
        return error.detail if isinstance(error, Fault) else reason, None
