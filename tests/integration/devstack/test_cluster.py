from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from devstack.errors import DevstackError
from devstack.servers.all import Servers
from devstack.servers.nats import Nats

NODES = ("nats-1", "nats-2", "nats-3")


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with Servers(tmp_path_factory.mktemp("a cluster"), only=["nats"], nats_nodes=3) as servers:
        yield servers


async def routes(node: Nats) -> set[str]:
    """Ask a node for its neighbours."""
    with await asyncio.to_thread(urlopen, f"{node.monitor_url}/routez") as reply:
        return {route["remote_name"] for route in json.load(reply)["routes"]}


async def joined(cluster: Servers) -> bool:
    return [set(NODES) - {node.name} for node in cluster.nats] == [await routes(node) for node in cluster.nats]


async def connected(cluster: Servers, user: str, node: Nats) -> Client:
    """Connect to one node, and stay with it."""
    client = Client()
    seed, prefix = cluster.nats_seeds[user], f"_INBOX_{user}"
    await client.connect(node.url, nkeys_seed_str=seed, inbox_prefix=prefix, allow_reconnect=False)
    return client


async def is_served(cluster: Servers, asked: Nats, serving: Nats) -> bool:
    """Send a request from one node to another."""
    worker, gateway = await connected(cluster, "customers", serving), await connected(cluster, "gateway", asked)

    async def answer(message: Msg) -> None:
        await worker.publish(message.reply, b"ALFKI")

    await worker.subscribe("customers.get", "q", cb=answer)
    await asyncio.sleep(0.1)  # interest has to reach the other node
    try:
        return b"ALFKI" == (await gateway.request("customers.get", b"{}", timeout=5)).data
    finally:
        await worker.close()
        await gateway.close()


async def test_all_nodes_know_each_other_at_once_and_are_told_in_one_url(cluster: Servers) -> None:
    assert await joined(cluster)
    assert NODES == tuple(server.name for server in cluster)
    assert [node.url for node in cluster.nats] == cluster.nats_url.split(",")
    assert 9 == len({port for node in cluster.nats for port in node.ports})


async def test_a_request_crosses_the_nodes_under_the_same_permissions(cluster: Servers) -> None:
    one, two, three = cluster.nats
    assert await is_served(cluster, one, two)
    assert await is_served(cluster, three, one)


async def test_the_secret_of_the_routes_is_its_owners_alone(cluster: Servers) -> None:
    for name in NODES:
        assert 0o600 == stat.S_IMODE((cluster.home.path / name / "cluster.conf").stat().st_mode)
        arguments = psutil.Process(cluster.pid(name)).cmdline()
        assert cluster.credentials.nats_cluster not in " ".join(arguments)


@pytest.mark.parametrize("name", NODES)
async def test_a_killed_node_rejoins_on_its_ports(cluster: Servers, name: str) -> None:
    (node,) = (node for node in cluster.nats if node.name == name)
    ports, pid = node.ports, cluster.pid(name)
    await cluster.kill(name)
    await cluster.restart(name)
    assert (ports, True) == (node.ports, pid != cluster.pid(name))
    assert await joined(cluster)


async def test_a_node_starts_while_others_are_away_or_frozen(cluster: Servers) -> None:
    await cluster.kill("nats-1")
    cluster.freeze("nats-2")
    await cluster.restart("nats-3")
    cluster.thaw("nats-2")
    await cluster.restart("nats-1")
    await cluster.restart("nats-2")
    assert await joined(cluster)


async def test_a_frozen_node_answers_nobody_until_it_thaws(cluster: Servers) -> None:
    node = cluster.nats[1]
    cluster.freeze(node.name)
    reader, writer = await asyncio.open_connection("127.0.0.1", node.port)  # the kernel's doing
    greeting = asyncio.create_task(reader.readline())
    await asyncio.sleep(0.3)
    assert not greeting.done()
    cluster.thaw(node.name)
    assert (await greeting).startswith(b"INFO ")
    writer.close()


async def test_a_node_that_hangs_for_long_is_given_up_and_comes_back(cluster: Servers) -> None:
    one, _, three = cluster.nats
    cluster.freeze("nats-3")
    with pytest.raises(DevstackError, match="nats-3 refuses its configuration"):
        await cluster.reload("nats-3")
    async with asyncio.timeout(15):
        while "nats-3" in await routes(one):
            await asyncio.sleep(0.1)
    cluster.thaw("nats-3")
    async with asyncio.timeout(15):
        while not await joined(cluster):
            await asyncio.sleep(0.1)
    assert await is_served(cluster, one, three)


@pytest.mark.parametrize("name", NODES)
async def test_a_reload_keeps_process_and_routes(cluster: Servers, name: str) -> None:
    pid = cluster.pid(name)
    await cluster.reload(name)
    assert pid == cluster.pid(name)
    assert await joined(cluster)


async def test_a_server_alone_reloads_too(tmp_path: Path) -> None:
    async with Servers(tmp_path, only=["nats"]) as servers:
        await servers.reload("nats")
        await servers.reload("nats")
        await servers.stop("nats")
        with pytest.raises(DevstackError, match="nats is not running"):
            await servers.reload("nats")
