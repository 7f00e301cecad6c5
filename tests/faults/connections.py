"""Who is connected to NATS, by its own word."""

import asyncio

from httpx2 import AsyncClient

from devstack.stack.stack import Stack


async def connections(monitor_url: str) -> dict[int, str]:
    """The name of each connection of a NATS server, by the number that no other ever has."""
    async with AsyncClient(base_url=monitor_url) as monitor:
        return {one["cid"]: one["name"] for one in (await monitor.get("/connz")).json()["connections"]}


async def until_connected(stack: Stack, name: str, count: int) -> None:
    """Wait until so many processes of a service are connected to the one NATS server of the stack."""
    while [*(await connections(stack.state.nats_monitor_url or "")).values()].count(name) != count:
        await asyncio.sleep(0.1)
