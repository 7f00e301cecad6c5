"""The rights of a worker on NATS are enough to relay, handle, retry and bury events."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.events import jetstream
from mesh.events.consumer import EventConsumer, Handler
from mesh.events.jetstream import DEAD
from mesh.events.relay import Relay
from mesh.events.retries import Retries
from providers.postgres.database import Database
from providers.postgres.inbox import PostgresInbox
from providers.postgres.outbox import PostgresOutbox
from tests.integration.events.consuming import add, settled
from tests.support.events.on_servers import Effects, numbers, write
from tests.support.events.sample_events import HAPPENED, Happened
from tests.support.events.streams import JETSTREAM, make_streams, stored
from tests.support.servers.nats_server import NatsServer

USERS = """
accounts {{ mesh {{
  jetstream: enabled
  users: [
    {{ user: deployer, password: secret }}
    {{ user: sample, password: secret, permissions: {{
      publish: {{ allow: [
        "events.sample.happened", "dead.sample", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.sample", "$JS.ACK.EVENTS.sample.>"
      ] }}
      subscribe: {{ allow: ["_INBOX_sample.>"] }}
    }} }}
  ]
}} }}
"""


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server on which a worker may do no more than it needs."""
    server = NatsServer(tmp_path, (JETSTREAM + USERS).format(folder=tmp_path / "jetstream"))
    await server.start()
    yield server
    await server.stop()


async def test_a_worker_needs_no_more_than_its_rights(database: Database, closed: NatsServer) -> None:
    deployer = await closed.connect("deployer", nats_user="deployer", nats_password="secret")
    await make_streams(deployer, "sample", HAPPENED.subject)
    worker = await closed.connect("sample", nats_user="sample", nats_password="secret")
    failed = 0

    async def fail_at_first(effects: Effects, event: Happened) -> None:
        nonlocal failed
        if not failed:
            failed += 1
            raise ZeroDivisionError
        await add(effects, event)

    consumer = EventConsumer(
        "sample",
        worker,
        [Handler(HAPPENED, fail_at_first)],
        inbox=PostgresInbox(database, Effects),
        retries=Retries(first=0.01),
    )
    relay = Relay(PostgresOutbox(database), worker)
    await relay.start()
    await consumer.start()
    await write(database, ("a", 1), ("b", 2))
    await jetstream.publish(deployer, HAPPENED.subject, b"no event", {})
    while await stored(deployer, DEAD) < 1 or len(await numbers(database)) < 2:
        await settled(deployer)
    await consumer.drain()
    await relay.drain()

    assert ([1, 2], 1) == (await numbers(database), failed)
    assert 0 == relay.stats.errors
    await worker.close()
    await deployer.close()
