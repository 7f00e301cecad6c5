"""What the console asks a mesh, and how often."""

from collections import Counter
from collections.abc import AsyncIterator

import httpx2
import pytest

from console.settings import ConsoleSettings
from console.watch import Watch
from mesh.service.service import Service
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.mesh.sample_service import sample

GATEWAY = "http://gateway.test"
LOOKS = 6


class Mesh:
    """A worker, and a gateway that is a fake: it counts what it is asked."""

    def __init__(self) -> None:
        self.asked = Counter[str]()
        self.broker = MemoryBroker()
        self.worker: Service = sample(MemoryTransport(self.broker))

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked[request.url.path] += 1
        return httpx2.Response(200, text="")

    def hear(self, message: Message) -> None:
        self.asked[message.subject] += 1


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


@pytest.fixture
async def watch(mesh: Mesh) -> AsyncIterator[Watch]:
    await mesh.worker.start()
    for verb in ("PING", "STATS"):
        await MemoryTransport(mesh.broker).subscribe(f"$SRV.{verb}", mesh.hear)
    urls = {name: f"http://{name}.test/metrics/{name}" for name in ("gateway", "sample")}
    settings = ConsoleSettings(console_gateway_url=GATEWAY, console_metrics_urls=urls)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(mesh.answer)) as http:
        yield Watch(settings, MemoryTransport(mesh.broker), http)
    await mesh.worker.drain()


async def test_an_open_page_asks_often_only_for_signs_of_life(mesh: Mesh, watch: Watch) -> None:
    with watch.watchers.one_more():
        for _ in range(LOOKS):
            await watch.look()
    assert {
        "$SRV.PING": 3,
        "$SRV.STATS": 3,
        "/healthz": 4,
        "/readyz": 2,
        "/metrics/gateway": 3,
        "/metrics/sample": 1,
    } == mesh.asked


async def test_without_a_page_each_look_is_whole_and_workers_metrics_are_read_seldom(mesh: Mesh, watch: Watch) -> None:
    for _ in range(2):
        await watch.look()
    assert {"$SRV.STATS": 2, "/readyz": 2, "/metrics/gateway": 2, "/metrics/sample": 1} == mesh.asked


async def test_the_rates_of_an_instance_stay_until_it_is_counted_again(mesh: Mesh, watch: Watch) -> None:
    await watch.instances.poll()
    await MemoryTransport(mesh.broker).request("sample.say", b"{}", {}, 5)
    await watch.instances.poll()
    (counted,) = watch.instances.all
    await watch.instances.poll(statistics=False)
    (asked,) = watch.instances.all
    assert counted.rate > 0
    assert counted == asked


async def test_a_sign_of_life_tells_that_an_instance_is_not_ready_and_that_it_is_gone(mesh: Mesh, watch: Watch) -> None:
    await watch.instances.poll(statistics=False)
    await mesh.worker.pause("no database")
    await watch.instances.poll(statistics=False)
    (paused,) = watch.instances.all
    await mesh.worker.drain()
    await watch.instances.poll({"sample": "was ended by SIGKILL"}, statistics=False)
    (gone,) = watch.instances.all
    assert ("not ready", "no database") == (paused.state, paused.why)
    assert ("gone", "was ended by SIGKILL") == (gone.state, gone.why)
