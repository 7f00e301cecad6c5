"""Every user, every subject, publish and subscribe, on a real server with nats.conf: what is not allowed is refused.

What is allowed is written here a second time, by hand: nats.conf is made of ops/permissions.py, and this judges both.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import services
import subjects
from devstack.servers.all import Servers
from devstack.servers.nats import CONFIGURATION
from mesh.core.event import Event
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message, Resend
from ops.nkeys import new_seed, public_key
from ops.permissions import ANSWER_WITHIN
from subjects import ENDPOINTS
from tests.long_form import LONG
from tests.nats_server import until
from tests.security.raw import Refusals, connected, introduction

WORKERS = tuple(worker.name for worker in services.WORKERS)
USERS = tuple(user for user in services.USERS if user != "system")

REQUESTS = [endpoint.subject for endpoint in ENDPOINTS]
EVENTS = [event.subject for event in vars(subjects).values() if isinstance(event, Event)]
VERBS = ("PING", "INFO", "STATS")
DISCOVERY = [
    f"$SRV.{verb}{whom}"
    for verb in VERBS
    for whom in ("", *(f".{worker}{one}" for worker in WORKERS for one in ("", ".ID1")))
]
INBOXES = [f"_INBOX_{user}.x" for user in (*USERS, "system", "nobody")]
OTHERS = [
    *(f"{worker}.undeclared" for worker in WORKERS),
    *(f"events.{worker}.undeclared" for worker in WORKERS),
    *(f"{subject}.x" for subject in (*REQUESTS, *EVENTS)),
    *(subject.upper() for subject in (*REQUESTS, *EVENTS)),
    *("_INBOX.x", "_INBOX_gatewayx.y", "_INBOX_gateway", "carts.get", "auth", "events", "$SRV", "$SRV.PING.gateway"),
    *("$JS.API.INFO", "$JS.API.STREAM.CREATE.x", "$JS.ACK.x", "$KV.x.y", "$O.x.y", "$MQTT.x"),
    *("$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.ACCOUNT.MESH.CONNECT"),
]
SUBJECTS = [*REQUESTS, *EVENTS, *DISCOVERY, *INBOXES, *OTHERS]
WILDCARDS = [
    *(">", "*", "*.>", "*.*", "*.*.>", "*.*.*", "*.*.*.*"),
    *{f"*.{subject.partition('.')[2]}" for subject in (*REQUESTS, *EVENTS, *INBOXES)},
    *{f"{subject.rpartition('.')[0]}.{token}" for subject in (*REQUESTS, *EVENTS, *INBOXES) for token in "*>"},
    *(f"{worker}.*.*" for worker in WORKERS),
    *("auth.*.list", "products.*.get", "events.*.sessions_revoked", "events.>", "events.*.*"),
    *("_INBOX.>", "_INBOX.*", "_INBOX_gateway.*.*", "_INBOX_*.>", "$JS.>", "$SYS.>", "$*.>"),
    *("$SRV.>", "$SRV.*.>", "$SRV.*.*", "$SRV.*.*.*", "$SRV.*"),
    *(f"$SRV.{verb}.{token}" for verb in VERBS for token in (">", "*", "*.*")),
    *(f"$SRV.{verb}.{worker}{one}" for verb in ("*", *VERBS) for worker in WORKERS for one in ("", ".*", ".>", ".*.*")),
]
QUEUES = ("", "q", "another", "Q", "q.x", "*", ">")

_CONTROL_LINE = 1024

FROM_STOCK = {"products.stock.reserve", "products.stock.release", "products.stock.commit"}
NOT_FROM_HTTP = {"customers.get_many", "products.get_many", "auth.keys.rotate"} | FROM_STOCK
FOR_OPERATORS = {
    *("customers.get", "customers.get_many", "customers.list"),
    *("products.get", "products.get_many", "products.list", "products.categories.list"),
    *("products.suppliers.list", "products.suppliers.get", "products.stock.get"),
    *("auth.jwks", "auth.sessions.revoked", "auth.keys.rotate"),
}


def may_publish(user: str, subject: str) -> bool:
    if user == "gateway":
        return subject in {f"$SRV.PING.{worker}" for worker in WORKERS} | set(REQUESTS) - NOT_FROM_HTTP
    if user == "operator":
        return subject in FOR_OPERATORS or subject.startswith("$SRV.")
    own_event = subject in EVENTS and subject.startswith(f"events.{user}.")
    asked = {"orders": {"customers.get", "products.get_many"}, "stock": FROM_STOCK}.get(user, set())
    return own_event or subject in asked or (subject == "auth.jwks" and user != "auth")


def may_subscribe(user: str, subject: str, queue: str) -> bool:
    if subject.startswith(f"_INBOX_{user}."):
        return True
    if user == "gateway":
        return subject == "events.auth.sessions_revoked"
    if user == "operator":
        return subject.startswith("events.")
    if subject.startswith("$SRV."):
        verb, *of = subject.split(".")[1:]
        return verb in VERBS and (not of or (of[0] == user and len(of) <= 2))
    return queue == "q" and subject in REQUESTS and subject.startswith(f"{user}.")


@pytest.fixture(scope="module")
async def refusals(nats: Servers) -> dict[str, Refusals]:
    """What each user is refused, who has tried everything."""
    found = {}
    async with connected(nats, USERS) as connections:
        for user, connection in connections.items():
            for subject in [*SUBJECTS, *WILDCARDS]:
                connection.publish(subject)
            found[user] = await connection.refused()
            for subject in [*SUBJECTS, *WILDCARDS]:
                for queue in QUEUES:
                    connection.subscribe(subject, queue)
            found[user] |= await connection.refused()
    return found


@pytest.mark.parametrize("user", USERS)
async def test_no_user_may_publish_what_is_not_its_own(refusals: dict[str, Refusals], user: str) -> None:
    probes = {*SUBJECTS, *WILDCARDS}
    allowed = {subject for subject in probes if ("Publish", subject, "") not in refusals[user]}
    assert {subject for subject in probes if may_publish(user, subject)} == allowed


@pytest.mark.parametrize("user", USERS)
async def test_no_user_may_hear_what_is_not_its_own(refusals: dict[str, Refusals], user: str) -> None:
    probes = {(subject, queue) for subject in [*SUBJECTS, *WILDCARDS] for queue in QUEUES}
    allowed = {probe for probe in probes if ("Subscription", *probe) not in refusals[user]}
    assert {probe for probe in probes if may_subscribe(user, *probe)} == allowed


@pytest.mark.parametrize("worker", WORKERS)
async def test_no_worker_hears_what_it_says(refusals: dict[str, Refusals], worker: str) -> None:
    """It could send itself a request with any reply subject, and the server would let it publish there."""
    refused = refusals[worker]
    says = {subject for subject in SUBJECTS if ("Publish", subject, "") not in refused}
    hears = {subject for subject in SUBJECTS for queue in QUEUES if ("Subscription", subject, queue) not in refused}
    assert says
    assert hears
    assert not says & hears


async def test_the_matrix_is_not_empty(refusals: dict[str, Refusals]) -> None:
    """Every user may do something and is refused more; or the two tests above would prove nothing."""
    tried = (1 + len(QUEUES)) * len({*SUBJECTS, *WILDCARDS})
    assert all(tried / 2 < len(refused) < tried for refused in refusals.values())


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


async def test_who_looks_after_the_server_hears_nothing_of_the_mesh(nats: Servers) -> None:
    async with connected(nats, ["gateway", "system"]) as user:
        for subject in ("auth.>", "_INBOX_gateway.>", "events.>"):
            user["system"].subscribe(subject)
        assert set() == await user["system"].refused()
        user["gateway"].publish("auth.login", "_INBOX_gateway.x")
        assert set() == await user["gateway"].refused()
        await user["system"].refused()
        assert [] == user["system"].messages


async def test_nobody_comes_in_but_with_a_key_of_nats_conf(nats: Servers) -> None:
    """Neither without credentials, nor with others, nor with a known public key and somebody else's proof."""
    address, known = urlsplit(nats.nats_url), public_key(nats.nats_seeds["gateway"])
    nothing = {"nkey": "", "sig": ""}
    for instead in (
        *({}, {"nkey": known}, nothing, {"sig": ""}, {"nkey": known, "sig": ""}),
        *(nothing | {"user": user, "pass": user} for user in (*USERS, "system", known)),
        *(nothing | {"auth_token": known}, nothing | {"jwt": "a.b.c"}, {"jwt": "a.b.c"}),
    ):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(introduction(await reader.readline(), new_seed(), **instead) + b"PING\r\n")
        assert b"-ERR 'Authorization Violation'\r\n" == await reader.readline(), instead
        writer.close()


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
