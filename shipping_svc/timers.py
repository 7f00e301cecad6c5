"""Dispatches and delivers shipments automatically, a set time after they were created or dispatched."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from contracts.shipping import ShipmentStatus
from mesh.core.errors import Conflict
from providers.postgres.database import Database
from shipping_svc.due import Due, Timer
from shipping_svc.repository import Shipments

log = structlog.get_logger()

AT_ONCE: Final = 4
"""Shipments in one claim. They move concurrently, each on its own database connection."""
_POLL: Final = 5.0
_SHORTEST_SLEEP: Final = 0.2


class Timers:
    """Moves shipments when they are due. Replicas share the work."""

    def __init__(
        self,
        database: Database,
        permit: Callable[[int], Awaitable[None]],
        *,
        dispatch_after: float | None,
        deliver_after: float | None,
        poll: float = _POLL,
    ) -> None:
        """`permit` asks orders whether the goods of an order may leave.

        `dispatch_after` and `deliver_after` are in seconds; None: only an administrator does it. `poll`: the most
        seconds between two looks at the database.
        """
        self._database = database
        self._permit = permit
        self._poll = poll
        self._timers: list[Timer] = []
        if dispatch_after is not None:
            self._timers.append(Timer(ShipmentStatus.PENDING, "created_at", dispatch_after))
        if deliver_after is not None:
            self._timers.append(Timer(ShipmentStatus.DISPATCHED, "dispatched_at", deliver_after))

    async def run(self) -> None:
        """Move what is due, then sleep until the next shipment is due. Returns at once if both timers are off."""
        while self._timers:
            seconds = [await self._move_due(timer) for timer in self._timers]
            await asyncio.sleep(min(seconds))

    async def _move_due(self, timer: Timer) -> float:
        """Move everything that is due. Returns how many seconds to sleep."""
        try:
            while due := await timer.claim(self._database, AT_ONCE):
                if not all(await asyncio.gather(*(self._move(timer, one) for one in due))):
                    return self._poll
            left = await timer.seconds_left(self._database)
        except Exception as error:  # noqa: BLE001  # the database is unavailable; the next look tries again
            log.warning("timer_failed", status=timer.status.value, error=str(error), type=type(error).__name__)
            return self._poll
        # A shipment that arrives meanwhile is not due before `after`.
        soonest = self._poll if left is None else left
        return min(max(_SHORTEST_SLEEP, min(timer.after, soonest)), self._poll)

    async def _move(self, timer: Timer, due: Due) -> bool:
        """Move one shipment. Returns False if it must be tried again."""
        try:
            if timer.status is ShipmentStatus.PENDING:
                await self._permit(due.order_id)
            async with self._database.transaction() as connection:
                shipments = Shipments(connection)
                move = shipments.dispatch if timer.status is ShipmentStatus.PENDING else shipments.deliver
                moved = await move(due.shipment_id, None)
            log.info("shipment_moved", shipment_id=due.shipment_id, status=moved.status.value)
        except Conflict as conflict:  # the order is cancelled: its event is on the way
            log.info("shipment_not_moved", shipment_id=due.shipment_id, reason=str(conflict.reason))
        except Exception as error:  # noqa: BLE001  # an outage; the next claim tries again
            log.warning("shipment_not_moved", shipment_id=due.shipment_id, error=str(error), type=type(error).__name__)
            return False
        return True


@asynccontextmanager
async def running(timers: Timers) -> AsyncIterator[None]:
    """Run the timers until the context ends."""
    task = asyncio.create_task(timers.run(), name="shipping-timers")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
