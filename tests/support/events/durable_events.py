"""Durable events of services that the project will not have: for tests alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from devstack.servers.all import Servers
from devstack.servers.nats import CONFIGURATION
from mesh.core.event import Event
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import NO_HEADERS, Message
from ops.permissions import replaced
from ops.process import Process
from services import PROCESSES
from subjects import EVENTS as DECLARED


class Sale(BaseModel):
    sale_id: int


EVENTS_SALES_PLACED = Event("events.sales.placed", Sale, durable=True)
EVENTS_SALES_CANCELLED = Event("events.sales.cancelled", Sale, durable=True)
EVENTS_SALES_SEEN = Event("events.sales.seen", Sale)
EVENTS_DEPOT_RESERVED = Event("events.depot.reserved", Sale, durable=True)
EVENTS = (EVENTS_SALES_PLACED, EVENTS_SALES_CANCELLED, EVENTS_SALES_SEEN, EVENTS_DEPOT_RESERVED)

SALES = Process("sales", package="sales_svc", store="postgres", handles=(EVENTS_DEPOT_RESERVED,))
DEPOT = Process("depot", package="depot_svc", handles=(EVENTS_SALES_PLACED, EVENTS_SALES_CANCELLED))
COURIER = Process("courier", package="courier_svc", store="mongo", handles=(EVENTS_SALES_PLACED,))
IDLE = Process("idle", package="idle_svc")
"""It calls nobody and publishes nothing."""
ROWS = (SALES, DEPOT, COURIER, IDLE)

ALL_EVENTS = (*DECLARED, *EVENTS)
ALL_ROWS = (*PROCESSES, *ROWS)


@asynccontextmanager
async def nats(folder: Path, *, streams: bool = True, nodes: int = 1) -> AsyncIterator[Servers]:
    """NATS with nats.conf as it is where these services are declared too; without `streams` nobody has made them."""
    configuration = folder / "nats.conf"
    configuration.write_text(replaced(CONFIGURATION.read_text(), ALL_ROWS, ALL_EVENTS))
    events = ALL_EVENTS if streams else ()
    rows = ALL_ROWS if streams else tuple(replace(row, handles=()) for row in ALL_ROWS)
    home = folder / "home"
    async with Servers(home, ["nats"], nodes, configuration, processes=rows, events=events) as servers:
        yield servers


@asynccontextmanager
async def connected(servers: Servers, user: str) -> AsyncIterator[NatsTransport]:
    """The connection of a process or a person."""
    settings = {"nats_url": servers.nats_url, "nats_nkey_seed": servers.nats_seeds[user]}
    transport = await NatsTransport.connect(NatsSettings.model_validate(settings), user)
    try:
        yield transport
    finally:
        await transport.close()


async def publish(
    transport: NatsTransport, subject: str, payload: bytes = b"{}", headers: Mapping[str, str] = NO_HEADERS
) -> bytes:
    """Publish, and wait for the stream's acknowledgement."""
    return (await transport.request(subject, payload, headers, 10)).payload


async def pull(transport: NatsTransport, service: str, most: int = 1) -> list[Message]:
    """Pull so many messages from a service's own consumer: a delivery keeps the subject on which it was published."""
    arrived = asyncio.Queue[Message]()
    inbox = transport.inbox()
    subscription = await transport.subscribe(inbox, arrived.put_nowait)
    messages = list[Message]()
    while len(messages) < most:
        asked = json.dumps({"batch": most - len(messages), "expires": 5_000_000_000}).encode()
        await transport.publish(f"$JS.API.CONSUMER.MSG.NEXT.EVENTS.{service}", asked, reply=inbox)
        # A status without a reply subject ends a pull: nothing came in time, or a cluster has a new leader.
        while len(messages) < most and (message := await arrived.get()).reply:
            messages.append(message)
    await subscription.drain()
    return messages
