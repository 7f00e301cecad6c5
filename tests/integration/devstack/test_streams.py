"""The stack's NATS has the streams that are declared, from its first start on and in an old home too."""

import json
from pathlib import Path

from ops.jetstream import JetStream
from tests.support.events.durable_events import connected, nats, publish, pull


async def test_streams_are_there_at_the_first_start_and_events_at_the_second(tmp_path: Path) -> None:
    async with nats(tmp_path) as servers, connected(servers, "sales") as sales:
        await publish(sales, "events.sales.placed", b'{"sale_id": 1}')
    async with nats(tmp_path) as servers, connected(servers, "depot") as depot:
        [message] = await pull(depot, "depot")
        assert b'{"sale_id": 1}' == message.payload


async def test_an_old_home_gets_the_deployer_and_the_streams(tmp_path: Path) -> None:
    async with nats(tmp_path, streams=False):
        pass
    secrets = tmp_path / "home" / "secrets.json"
    kept = json.loads(secrets.read_text())
    del kept["nats_deployer_seed"]
    secrets.write_text(json.dumps(kept))
    async with nats(tmp_path) as servers, connected(servers, "operator") as operator:
        assert {"EVENTS", "FEED", "DEAD"} == {info.name for info in await JetStream(operator).streams()}
        assert kept.items() <= json.loads(secrets.read_text()).items()


async def test_an_event_that_was_acknowledged_outlives_a_killed_server(tmp_path: Path) -> None:
    async with nats(tmp_path) as servers:
        async with connected(servers, "sales") as sales:
            for number in range(50):
                await publish(sales, "events.sales.placed", str(number).encode())
            await servers.kill("nats")
        await servers.restart("nats")
        async with connected(servers, "depot") as depot:
            assert [str(number).encode() for number in range(50)] == [
                one.payload for one in await pull(depot, "depot", 50)
            ]
