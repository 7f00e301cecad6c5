"""Rights, credentials and inboxes, where nats-py would hang or give away; each test fails without our part."""

import asyncio
import json
import re

import pytest

from mesh.core.errors import DeadlineExceeded, Disconnected, Refused
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from tests.integration.mesh.users import USERS
from tests.support.servers.nats_server import NatsServer, ServerFactory
from tests.support.waiting import until


@pytest.fixture
async def guarded(servers: ServerFactory) -> NatsServer:
    server = servers(USERS)
    await server.start()
    return server


async def test_a_forbidden_request_is_refused_at_once_instead_of_hanging(guarded: NatsServer) -> None:
    bob = await guarded.connect("bob", nats_user="bob", nats_password="b")
    for subject in ("closed.subject", "$SRV.PING"):
        with pytest.raises(Refused, match=re.escape(subject)):
            await bob.request(subject, b"", {}, 60)
    await bob.close()


async def test_a_forbidden_subscription_is_refused_instead_of_staying_inert(guarded: NatsServer) -> None:
    bob = await guarded.connect("bob", nats_user="bob", nats_password="b")
    before = bob.connection.subscription_count
    for subject in ("open.door", "$SRV.PING", "_INBOX_alice.>"):
        with pytest.raises(Refused, match=re.escape(subject)):
            await bob.subscribe(subject, lambda _: None)
    await until(lambda: before == bob.connection.subscription_count)  # nor is it asked for again after a reconnect
    await bob.close()


async def test_private_inboxes_work_for_a_request(guarded: NatsServer) -> None:
    alice = await guarded.connect("alice", nats_user="alice", nats_password="a")
    bob = await guarded.connect("bob", nats_user="bob", nats_password="b")

    def answer(message: Message) -> None:
        assert message.reply.startswith("_INBOX_bob.")
        answers.append(asyncio.ensure_future(alice.publish(message.reply, b"hi bob")))

    answers: list[asyncio.Future[None]] = []
    await alice.subscribe("open.door", answer)
    assert b"hi bob" == (await bob.request("open.door", b"", {}, 5)).payload
    await bob.close()
    await alice.close()


async def test_a_wrong_password_fails_at_once_and_says_so(guarded: NatsServer) -> None:
    with pytest.raises(Disconnected, match=r"(?i)as bob within 60 s: .*authorization violation"):
        await guarded.connect("bob", nats_user="bob", nats_password="wrong", nats_connect_timeout=60)


async def test_an_absent_server_is_a_bounded_failure_without_the_password(servers: ServerFactory) -> None:
    absent = servers()
    settings = NatsSettings(nats_url=f"nats://u:s3cret@127.0.0.1:{absent.port}", nats_connect_timeout=0.5)
    with pytest.raises(Disconnected, match=rf"nats://127\.0\.0\.1:{absent.port} .*within 0.5 s") as failure:
        await NatsTransport.connect(settings, "test")
    assert "s3cret" not in str(failure.value)


async def test_credentials_are_not_sent_in_the_clear_where_tls_was_asked_for() -> None:
    received = bytearray()

    async def plaintext(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = {"server_id": "x", "version": "2.15.1", "max_payload": 1_048_576, "auth_required": True, "headers": True}
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        while data := await reader.read(4096):
            received.extend(data)
        writer.close()

    listener = await asyncio.start_server(plaintext, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    settings = NatsSettings.model_validate(
        {"nats_url": f"tls://127.0.0.1:{port}", "nats_user": "u", "nats_password": "s3cret", "nats_connect_timeout": 1}
    )
    with pytest.raises(Disconnected, match="tls"):
        await NatsTransport.connect(settings, "test")
    listener.close()
    assert b"s3cret" not in received


async def test_answers_cannot_be_forged_by_counting(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    seen: list[str] = []

    def answer(message: Message) -> None:
        seen.append(message.reply)
        answers.append(asyncio.ensure_future(worker.publish(message.reply, b"")))

    answers: list[asyncio.Future[None]] = []
    await worker.subscribe("work.do", answer)
    for _ in range(20):
        await caller.request("work.do", b"", {}, 5)
    ids = [reply.rpartition(".")[2] for reply in seen]
    assert 20 == len(set(ids))
    assert {16} == {len(one) for one in ids}
    assert sorted(ids) != ids
    await worker.close()
    await caller.close()


async def test_inboxes_cannot_be_guessed(server: NatsServer) -> None:
    one, two = await server.connect("same"), await server.connect("same")
    heard: list[Message] = []
    await one.subscribe("somebody.asks", heard.append)
    for asking in (one, two):
        with pytest.raises(DeadlineExceeded):
            await asking.request("somebody.asks", b"", {}, 0.05)
    process, secret, _ = heard[0].reply.split(".")
    assert ("_INBOX_same", 22) == (process, len(secret))
    assert secret != heard[1].reply.split(".")[1]
    await one.close()
    await two.close()
