"""What nats.conf lets a worker answer: the request that it heard, once, in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devstack.servers.all import Servers
from devstack.servers.nats import CONFIGURATION
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message, Resend
from ops.permissions import ANSWER_WITHIN
from tests.security.nats.raw import USERS, WORKERS, connected
from tests.support.long_form import LONG
from tests.support.waiting import until

_CONTROL_LINE = 1024


@pytest.mark.parametrize("subject", ["auth.login", "customers.get", "products.get"])
async def test_a_worker_answers_a_request_once_and_nobody_in_its_stead(nats: Servers, subject: str) -> None:
    name, reply = subject.partition(".")[0], "_INBOX_gateway.r1"
    async with connected(nats, USERS) as user:
        gateway, worker = user["gateway"], user[name]
        gateway.subscribe("_INBOX_gateway.*")
        worker.subscribe(subject, "q")
        assert (set(), set()) == (await gateway.refused(), await worker.refused())

        for other in USERS:
            user[other].publish(reply)
            assert {("Publish", reply, "")} == await user[other].refused(), f"{other} before the request"
        gateway.publish(subject, reply)
        assert set() == await gateway.refused()
        assert set() == await worker.refused()
        assert [(subject, reply)] == worker.messages
        for other in set(USERS) - {name}:
            user[other].publish(reply)
            assert {("Publish", reply, "")} == await user[other].refused(), f"{other} instead of the worker"
        worker.publish("_INBOX_gateway.r2")
        assert {("Publish", "_INBOX_gateway.r2", "")} == await worker.refused()

        worker.publish(reply)
        assert set() == await worker.refused()
        worker.publish(reply)
        assert {("Publish", reply, "")} == await worker.refused()
        assert set() == await gateway.refused()
        assert [(reply, "")] == gateway.messages


async def test_an_answer_that_comes_too_late_is_refused(tmp_path: Path) -> None:
    """Of the ten seconds that nats.conf gives a worker, 50 ms are left here; all of them in `make faults`."""
    declared, configuration = f'allow_responses: {{ max: 1, expires: "{ANSWER_WITHIN}s" }}', tmp_path / "nats.conf"
    assert len(WORKERS) == CONFIGURATION.read_text().count(declared)
    configuration.write_text(CONFIGURATION.read_text().replace(declared, declared.replace(f"{ANSWER_WITHIN}s", "50ms")))
    async with (
        Servers(tmp_path / "home", only=["nats"], nats_configuration=configuration) as servers,
        connected(servers, ["gateway", "customers"]) as user,
    ):
        user["customers"].subscribe("customers.get", "q")
        assert set() == await user["customers"].refused()
        user["gateway"].publish("customers.get", "_INBOX_gateway.r1")
        assert (set(), set()) == (await user["gateway"].refused(), await user["customers"].refused())
        assert [("customers.get", "_INBOX_gateway.r1")] == user["customers"].messages
        await asyncio.sleep(0.1)
        user["customers"].publish("_INBOX_gateway.r1")
        assert {("Publish", "_INBOX_gateway.r1", "")} == await user["customers"].refused()


async def test_nats_counts_a_reply_subject_that_is_heard_twice_as_answered(nats: Servers) -> None:
    """The trap for whoever asks again with the same reply subject: the worker's one answer is refused then."""
    async with connected(nats, ["gateway", "products"]) as user:
        gateway, worker = user["gateway"], user["products"]
        worker.subscribe("products.get", "q")
        assert set() == await worker.refused()
        for _ in range(2):
            gateway.publish("products.get", "_INBOX_gateway.r1")
        assert (set(), set()) == (await gateway.refused(), await worker.refused())
        worker.publish("_INBOX_gateway.r1")
        assert {("Publish", "_INBOX_gateway.r1", "")} == await worker.refused()


async def test_a_slow_worker_answers_what_it_was_asked_again(nats: Servers) -> None:
    async with transport(nats, "gateway") as gateway, transport(nats, "products") as worker:
        heard: list[Message] = []
        await worker.subscribe("products.get", heard.append, "q")

        async with asyncio.TaskGroup() as tasks:
            again = Resend(0.02, lambda: True)
            asking = tasks.create_task(gateway.request("products.get", b"{}", {}, 30, again))
            await until(lambda: len(heard) >= 4)
            await worker.publish(heard[0].reply, b"the first")

        assert b"the first" == asking.result().payload
        assert len(heard) == len({message.reply for message in heard})
        await worker.publish(heard[1].reply, b"too late, and nobody's harm")
        assert b"still there" == await answered(gateway, worker)


async def answered(gateway: NatsTransport, worker: NatsTransport) -> bytes:
    """What the worker answers to another request."""
    replying: list[asyncio.Task[None]] = []

    def reply(message: Message) -> None:
        replying.append(asyncio.create_task(worker.publish(message.reply, b"still there")))

    await worker.subscribe("products.list", reply, "q")
    message = await gateway.request("products.list", b"{}", {}, 30)
    await asyncio.gather(*replying)
    return message.payload


@asynccontextmanager
async def transport(nats: Servers, user: str) -> AsyncIterator[NatsTransport]:
    """What every process connects with."""
    settings = {"nats_url": nats.nats_url, "nats_nkey_seed": nats.nats_seeds[user]}
    connection = await NatsTransport.connect(NatsSettings.model_validate(settings), user)
    try:
        yield connection
    finally:
        await connection.close()


async def test_an_answer_is_allowed_for_as_long_as_is_declared(nats: Servers) -> None:
    """Asked anew each half second, so that at the end of the time some of the requests have just become too old."""
    if not LONG:
        pytest.skip("takes ten seconds: MESH_FAULTS=long")
    asked: dict[str, float] = {}
    now = asyncio.get_running_loop().time
    async with connected(nats, ["gateway", "products"]) as user:
        gateway, worker = user["gateway"], user["products"]
        worker.subscribe("products.get", "q")
        began = now()
        while now() < began + ANSWER_WITHIN + 2:
            asked[reply := f"_INBOX_gateway.r{len(asked)}"] = now()
            gateway.publish("products.get", reply)
            assert (set(), set()) == (await gateway.refused(), await worker.refused())
            await asyncio.sleep(0.5)
        for reply in asked:
            worker.publish(reply)
        before, refused = now(), {subject for _, subject, _ in await worker.refused()}
    assert {reply for reply, at in asked.items() if at < before - ANSWER_WITHIN} == refused


@pytest.mark.parametrize("length", [950, 1100, 3900])
async def test_a_reply_subject_that_is_long_is_refused(nats: Servers, length: int) -> None:
    """NATS keeps each that is not answered: it hangs up before it keeps one that fills its memory."""
    async with connected(nats, ["gateway", "customers"]) as user:
        gateway, worker = user["gateway"], user["customers"]
        worker.subscribe("customers.get", "q")
        assert set() == await worker.refused()
        reply = "_INBOX_gateway.".ljust(length, "x")
        gateway.publish("customers.get", reply)
        if length < _CONTROL_LINE:
            assert set() == await gateway.refused()
        else:
            with pytest.raises((AssertionError, ConnectionError), match=r"maximum control line|reset"):
                await gateway.refused()
        assert set() == await worker.refused()
        assert ([("customers.get", reply)] if length < _CONTROL_LINE else []) == worker.messages
