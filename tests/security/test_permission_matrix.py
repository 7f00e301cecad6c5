"""Every user, every subject, publish and subscribe, on a real server with nats.conf: what is not allowed is refused.

What is allowed is written here a second time, by hand: nats.conf is made of cli/permissions.py, and this judges both.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import subjects
from devstack.servers import Servers
from mesh.bus import Message, Resend
from mesh.event import Event
from mesh.settings import NatsSettings
from mesh.transport import NatsTransport
from subjects import ENDPOINTS
from tests.nats_server import until
from tests.security.raw import Refusals, connected

WORKERS = ("auth", "customers", "products")
USERS = ("gateway", *WORKERS, "operator")

REQUESTS = [endpoint.subject for endpoint in ENDPOINTS]
EVENTS = [event.subject for event in vars(subjects).values() if isinstance(event, Event)]
DISCOVERY = [
    f"$SRV.{verb}{whom}"
    for verb in ("PING", "INFO", "STATS")
    for whom in ("", *(f".{worker}{one}" for worker in WORKERS for one in ("", ".ID1")))
]
INBOXES = [f"_INBOX_{user}.x" for user in (*USERS, "system", "nobody")]
OTHERS = [
    *(f"{worker}.undeclared" for worker in WORKERS),
    *(f"events.{worker}.undeclared" for worker in WORKERS),
    *("_INBOX.x", "_INBOX_gatewayx.y", "orders.get", "$SRV", "$SRV.PING.gateway"),
    *("$JS.API.INFO", "$JS.API.STREAM.CREATE.x", "$JS.ACK.x", "$KV.x.y", "$O.x.y", "$MQTT.x"),
    *("$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.ACCOUNT.MESH.CONNECT"),
]
SUBJECTS = [*REQUESTS, *EVENTS, *DISCOVERY, *INBOXES, *OTHERS]
WILDCARDS = [
    *(
        ">",
        "*",
        "*.>",
        "*.*",
        "*.get",
        "*.login",
        "_INBOX.>",
        "_INBOX_gateway.>",
        "_INBOX_gateway.*",
        "$JS.>",
        "$SYS.>",
    ),
    *(f"{worker}.{token}" for worker in WORKERS for token in (">", "*", "*.*")),
    *(f"_INBOX_{worker}.>" for worker in (*WORKERS, "operator", "system")),
    *("events.>", "events.*.*", "events.auth.>", "$SRV.>", "$SRV.*.>", "$SRV.*.*", "$SRV.*"),
    *(f"$SRV.*.{worker}{one}" for worker in WORKERS for one in ("", ".*")),
]
QUEUES = ("", "q", "another")

NOT_FROM_HTTP = {"customers.get_many", "products.get_many", "auth.keys.rotate"}
FOR_OPERATORS = {
    *("customers.get", "customers.get_many", "customers.list"),
    *("products.get", "products.get_many", "products.list", "products.categories.list"),
    *("products.suppliers.list", "products.suppliers.get"),
    *("auth.jwks", "auth.sessions.revoked", "auth.keys.rotate"),
}


def may_publish(user: str, subject: str) -> bool:
    if user == "gateway":
        return subject == "$SRV.PING" or subject in set(REQUESTS) - NOT_FROM_HTTP
    if user == "operator":
        return subject in FOR_OPERATORS or subject.startswith("$SRV.")
    own_event = subject in EVENTS and subject.startswith(f"events.{user}.")
    return own_event or subject == f"$SRV.PING.{user}" or (subject == "auth.jwks" and user != "auth")


def may_subscribe(user: str, subject: str, queue: str) -> bool:
    if subject.startswith(f"_INBOX_{user}."):
        return True
    if user == "gateway":
        return subject == "events.auth.sessions_revoked"
    if user == "operator":
        return subject.startswith("events.")
    if subject.startswith("$SRV."):
        tokens = subject.split(".")[2:]
        return ">" not in tokens and "*" not in tokens[:1] and (not tokens or tokens[0] == user)
    return queue == "q" and subject in REQUESTS and subject.startswith(f"{user}.")


@pytest.fixture(scope="module")
async def refusals(nats: Servers) -> dict[str, Refusals]:
    """What each user is refused, who has tried everything."""
    found = {}
    async with connected(nats, USERS) as connections:
        for user, connection in connections.items():
            for subject in SUBJECTS:
                connection.publish(subject)
            found[user] = await connection.refused()
            for subject in [*SUBJECTS, *WILDCARDS]:
                for queue in QUEUES:
                    connection.subscribe(subject, queue)
            found[user] |= await connection.refused()
    return found


@pytest.mark.parametrize("user", USERS)
async def test_no_user_may_publish_what_is_not_its_own(refusals: dict[str, Refusals], user: str) -> None:
    allowed = {subject for subject in SUBJECTS if ("Publish", subject, "") not in refusals[user]}
    assert {subject for subject in SUBJECTS if may_publish(user, subject)} == allowed


@pytest.mark.parametrize("user", USERS)
async def test_no_user_may_hear_what_is_not_its_own(refusals: dict[str, Refusals], user: str) -> None:
    probes = {(subject, queue) for subject in [*SUBJECTS, *WILDCARDS] for queue in QUEUES}
    allowed = {probe for probe in probes if ("Subscription", *probe) not in refusals[user]}
    assert {probe for probe in probes if may_subscribe(user, *probe)} == allowed


async def test_the_matrix_is_not_empty(refusals: dict[str, Refusals]) -> None:
    """Every user may do something and is refused more; or the two tests above would prove nothing."""
    tried = len(SUBJECTS) + len(QUEUES) * (len(SUBJECTS) + len(WILDCARDS))
    assert all(tried / 2 < len(refused) < tried for refused in refusals.values())


async def test_a_worker_answers_a_request_once_and_nobody_in_its_stead(nats: Servers) -> None:
    reply = "_INBOX_gateway.r1"
    async with connected(nats, USERS) as user:
        gateway, worker = user["gateway"], user["customers"]
        gateway.subscribe("_INBOX_gateway.*")
        worker.subscribe("customers.get", "q")
        assert (set(), set()) == (await gateway.refused(), await worker.refused())

        for other in USERS:
            user[other].publish(reply)
            assert {("Publish", reply, "")} == await user[other].refused(), f"{other} before the request"
        gateway.publish("customers.get", reply)
        assert set() == await gateway.refused()
        assert set() == await worker.refused()
        assert [("customers.get", reply)] == worker.messages
        for other in set(USERS) - {"customers"}:
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


async def test_who_looks_after_the_server_hears_nothing_of_the_mesh(nats: Servers) -> None:
    async with connected(nats, ["gateway", "system"]) as user:
        for subject in ("auth.>", "_INBOX_gateway.>", "events.>"):
            user["system"].subscribe(subject)
        assert set() == await user["system"].refused()
        user["gateway"].publish("auth.login", "_INBOX_gateway.x")
        assert set() == await user["gateway"].refused()
        await user["system"].refused()
        assert [] == user["system"].messages
