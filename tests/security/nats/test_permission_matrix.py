"""Every user, every subject, publish and subscribe, on a real server with nats.conf: what is not allowed is refused.

What is allowed is stated a second time, by hand: requests in the golden files, the rest here. nats.conf is made of
ops/permissions.py; this test compares both with the statements.
"""

import asyncio
from urllib.parse import urlsplit

import pytest

import subjects
from devstack.servers.all import Servers
from mesh.core.event import Event
from ops.nkeys import new_seed, public_key
from subjects import ENDPOINTS
from tests.security.nats.raw import USERS, WORKERS, Refusals, connected, introduction
from tests.support.contract import golden

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
    *("_INBOX.x", "_INBOX_gatewayx.y", "_INBOX_gateway", "orders.get", "auth", "events", "$SRV", "$SRV.PING.gateway"),
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


STATED = {one.subject: one for one in golden.access()}


def may_publish(user: str, subject: str) -> bool:
    if subject in STATED:
        return STATED[subject].may_send("operator" if user == "console" else user)  # the console is an operator
    if user == "gateway":
        return subject in {f"$SRV.{verb}.{worker}" for verb in ("PING", "INFO") for worker in WORKERS}
    if user == "deployer":  # test_stream_matrix.py has what it may ask of JetStream
        return subject == "$JS.API.INFO"
    if user in {"operator", "console"}:
        return subject == "$JS.API.INFO" or subject.startswith("$SRV.")
    return subject in EVENTS and subject.startswith(f"events.{user}.")


HEARD_BY_THE_GATEWAY = {
    "events.auth.sessions_revoked",
    *("events.products.changed", "events.products.category_changed"),  # what its memory drops
}


def may_subscribe(user: str, subject: str, queue: str) -> bool:
    if subject.startswith(f"_INBOX_{user}."):
        return True
    if user == "gateway":
        return subject in HEARD_BY_THE_GATEWAY
    if user in {"operator", "deployer", "console"}:
        return user != "deployer" and subject.startswith("events.")
    if subject.startswith("$SRV."):
        verb, *of = subject.split(".")[1:]
        return verb in VERBS and (not of or (of[0] == user and len(of) <= 2))
    return queue == "q" and subject in REQUESTS and subject.startswith(f"{user}.")


@pytest.fixture(scope="module")
async def refusals(nats: Servers) -> dict[str, Refusals]:
    """What each user is refused, who has tried everything."""
    found = {}
    for user in USERS:  # one after the other: NATS closes a connection that answers no PING
        async with connected(nats, [user]) as connections:
            connection = connections[user]
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
