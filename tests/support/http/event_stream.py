"""A client that follows the events of its orders over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from httpx2 import AsyncClient, Response

Headers = dict[str, str]


class Following:
    """The events of an open stream."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()
        self.last_id = ""

    async def next(self) -> tuple[str, dict[str, Any]] | None:
        """The name and the data of the next event; None at the end of the stream."""
        name = ""
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                return name, json.loads(value)
        return None

    async def begun(self) -> None:
        """Return once nothing that happens from now on is missed."""
        while not self.last_id:
            field, _, value = (await anext(self._lines)).partition(": ")
            self.last_id = value if field == "id" else ""

    async def of(self, order_id: int, *names: str) -> None:
        """Expect these events of the order next, and skip those of others."""
        for name in names:
            while True:
                event = await self.next()
                assert event is not None, "the stream has ended"
                if event[1]["order_id"] == order_id:
                    break
            assert name == event[0]


@asynccontextmanager
async def following(http: AsyncClient, headers: Headers, last_id: str = "") -> AsyncIterator[Following]:
    resumed = {"Last-Event-ID": last_id} if last_id else {}
    async with http.stream("GET", "/v1/events", headers=headers | resumed) as response:
        assert (200, "text/event-stream") == (response.status_code, response.headers["content-type"])
        stream = Following(response)
        if not last_id:
            await stream.begun()
        yield stream


async def place(http: AsyncClient, headers: Headers, product_id: int = 39) -> int:
    body = {"lines": [{"product_id": product_id, "quantity": 1}]}
    order_id: int = (await http.post("/v1/orders", json=body, headers=headers)).json()["order_id"]
    return order_id
