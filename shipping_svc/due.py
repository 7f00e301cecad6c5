"""The shipments that are due for an automatic dispatch or delivery. Replicas share them by claims."""

# ruff: noqa: S608  # SQL is built from our own column names; values are parameters

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from contracts.shipping import ShipmentStatus
from providers.postgres.database import Statements

CLAIMED: Final = timedelta(seconds=30)
"""How long a claim lasts. After it another replica may claim the shipment."""


class Due(NamedTuple):
    """A shipment that is due."""

    shipment_id: int
    order_id: int


@dataclass(frozen=True)
class Timer:
    """A status that a shipment leaves automatically, `after` seconds from the time in the column `since`."""

    status: ShipmentStatus
    since: str
    after: float

    async def claim(self, database: Statements, most: int) -> list[Due]:
        """Claim up to `most` shipments that are due, the earliest first."""
        # ARRAY makes PostgreSQL run the subquery once; in IN it may run more often, and claim more.
        rows = await database.fetch(
            f"UPDATE shipments SET claimed_until = now() + $1::interval WHERE shipment_id = ANY(ARRAY("
            f" SELECT shipment_id FROM shipments WHERE status = '{self.status}'"
            f" AND {self.since} <= now() - $2::interval AND (claimed_until IS NULL OR claimed_until <= now())"
            f" ORDER BY {self.since} LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING shipment_id, order_id",
            CLAIMED,
            timedelta(seconds=self.after),
            most,
        )
        return [Due(row["shipment_id"], row["order_id"]) for row in rows]

    async def seconds_left(self, database: Statements) -> float | None:
        """Seconds until the next shipment is due that nobody has claimed; None if there is none."""
        row = await database.fetchrow(
            f"SELECT extract(epoch FROM {self.since} + $1::interval - now())::float8 AS seconds FROM shipments"
            f" WHERE status = '{self.status}' AND (claimed_until IS NULL OR claimed_until <= now())"
            f" ORDER BY {self.since} LIMIT 1",
            timedelta(seconds=self.after),
        )
        return None if row is None else row["seconds"]
