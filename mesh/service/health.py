"""Has a worker step back while what it stands on is gone, and come back by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from mesh.core.errors import Fault, MeshError
from mesh.service.service import Service

log = structlog.get_logger()

Probe = Callable[[], Awaitable[str | None]]
"""Looks for a sign of life, in bounded time; says what is lacking besides, None where nothing is.

Raises whatever it likes where there is no sign of life; a Fault's detail then is the reason that discovery tells.
"""

_EVERY = 1.0
_SOON = 0.2  # after a failure: to be sure of it, and then to notice its end
_ENOUGH = 2  # failures in a row: one may be a moment's


@asynccontextmanager
async def watched(service: Service, probe: Probe, reason: str, every: float = _EVERY) -> AsyncIterator[None]:
    """Probe every so many seconds; from the second failure in a row to the first success the service is paused.

    What is lacking besides does not pause it, and is told by discovery. A start is not held up: whether the worker can
    serve at all, it has found out before.
    """
    watching = asyncio.create_task(_watch(service, probe, reason, every), name="watch")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait({watching})


async def _watch(service: Service, probe: Probe, reason: str, every: float) -> None:
    failures = 0
    while True:
        await asyncio.sleep(min(every, _SOON) if failures else every)
        absence, lack = await _probed(probe, reason, tell=failures == 0)
        failures = 0 if absence is None else failures + 1
        try:
            if absence is None:
                await service.resume(lack)
            elif failures >= _ENOUGH:
                await service.pause(absence)
        except MeshError as error:  # NATS is away as well: the next round tries again
            log.warning("watch_hindered", error=str(error))


async def _probed(probe: Probe, reason: str, *, tell: bool) -> tuple[str | None, str | None]:
    """Why the service can serve nothing, None where it can, and what is lacking besides."""
    try:
        return None, await probe()
    except Exception as error:  # noqa: BLE001  # a probe that fails, however it does, is the answer
        if tell:
            log.warning("probe_failed", error=str(error), type=type(error).__name__)
        return error.detail if isinstance(error, Fault) else reason, None
