"""Stands in for orders where a worker asks it about orders that the kit has made up: orders has no such rows."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from conform.bus import Bus
from conform.shapes import compact
from mesh.transport.base import Message
from mesh.wire.names import QUEUE_GROUP, REQUEST_ID

PERMITS: Final[Mapping[str, str]] = {"shipping": "orders.start_dispatch"}
"""By service under test, the endpoint of orders that permits to dispatch an order. The kit has announced the order."""


async def permit(bus: Bus, service: str) -> None:
    """Permit whatever the service asks for, if it asks for a permission. The bus must be private."""
    if (subject := PERMITS.get(service)) is None:
        return

    def answer(message: Message) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        reply = {"order_id": json.loads(message.payload)["order_id"], "started_at": now}
        headers = {REQUEST_ID: message.headers.get(REQUEST_ID, "conform")}
        bus.publish(message.reply, compact(reply), headers)

    await bus.transport.subscribe(subject, answer, QUEUE_GROUP)
