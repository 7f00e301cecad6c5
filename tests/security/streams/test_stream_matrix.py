"""Every user, JetStream's whole API, each stream and consumer, on a real server: what is not allowed is refused.

What is allowed is written here a second time, by hand, as in test_permission_matrix.py.
"""

import pytest

from devstack.servers.all import Servers
from services import PROCESSES
from tests.security.nats.raw import Refusals, connected
from tests.support.events.durable_events import ROWS

HANDLERS = ("sales", "depot", "courier")
PERSONS = ("operator", "deployer", "console")
USERS = (*(row.name for row in (*PROCESSES, *ROWS)), *PERSONS)

STREAMS = ("EVENTS", "DEAD", "FEED", "OTHER", "events", "EVENTSX", "KV_b", "*")
CONSUMERS = (*HANDLERS, "other", "*")
OF_A_STREAM = (
    *("CREATE", "UPDATE", "INFO", "DELETE", "PURGE", "SNAPSHOT", "RESTORE", "MSG.GET", "MSG.DELETE"),
    *("PEER.REMOVE", "LEADER.STEPDOWN"),
)
OF_A_CONSUMER = (
    *("CREATE", "DURABLE.CREATE", "INFO", "DELETE", "MSG.NEXT", "PAUSE", "RESET", "UNPIN", "LEADER.STEPDOWN"),
    *("PEER.REMOVE", "PEER.EVACUATE"),
)
OF_THE_ACCOUNT = (
    *("INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.TEMPLATE.CREATE.x", "META.LEADER.STEPDOWN", "SERVER.REMOVE"),
    *("ACCOUNT.PURGE.MESH", "ACCOUNT.STREAM.MOVE.MESH.EVENTS", "DIRECT.GET", "CONSUMER.CREATE"),
)
API = [
    *(f"$JS.API.{verb}" for verb in OF_THE_ACCOUNT),
    *(f"$JS.API.STREAM.{verb}.{stream}" for verb in OF_A_STREAM for stream in STREAMS),
    *(f"$JS.API.CONSUMER.{verb}.{stream}" for verb in ("CREATE", "NAMES", "LIST") for stream in STREAMS),
    *(f"$JS.API.DIRECT.GET.{stream}{of}" for stream in STREAMS for of in ("", ".events.sales.placed")),
    *(
        f"$JS.API.CONSUMER.{verb}.{stream}.{consumer}"
        for verb in OF_A_CONSUMER
        for stream in STREAMS
        for consumer in CONSUMERS
    ),
    *(f"$JS.API.CONSUMER.CREATE.EVENTS.{consumer}.events.sales.placed" for consumer in CONSUMERS),
]
OTHERS = [
    *(f"$JS.ACK.{stream}.{consumer}.1.1.1.1.1" for stream in STREAMS for consumer in CONSUMERS),
    *(f"$JS.ACK.hub.HASH.EVENTS.{consumer}.1.1.1.1.1" for consumer in CONSUMERS),
    *("$JS.ACK", "$JS.ACK.EVENTS", "$JS.ACK.EVENTS.depot", "$JS.ACKX.EVENTS.depot.1", "$JS.hub.API.INFO"),
    *("$JS.FC.EVENTS.depot.x", "$JS.SNAPSHOT.ACK.EVENTS.x", "$JS.SNAPSHOT.RESTORE.EVENTS.x", "$JSC.R.x"),
    *("$JS.EVENT.ADVISORY.API", "$JS.EVENT.METRIC.CONSUMER.ACK.EVENTS.depot", "$JS.M.x", "$JS.S.x", "$JS.CONSUMER.x"),
    *("$KV.b.k", "$KV.EVENTS.k", "$O.b.C.x", "$O.b.M.x", "$SYS.REQ.ACCOUNT.MESH.JSZ", "$NRG.V.x"),
    *("retry", "dead", "retry.sales.x", "dead.sales.x", "retry.nobody", "dead.nobody", "RETRY.sales"),
    *(f"{what}.{consumer}" for what in ("retry", "dead") for consumer in HANDLERS),
    *(f"events.{what}" for what in ("sales.placed", "sales.cancelled", "sales.seen", "sales.other", "depot.reserved")),
    *("events.courier.placed", "events.idle.placed"),
    *("feed.events.orders.placed", "feed.events.sales.placed", "feed.x", "feed"),
]
SUBJECTS = [*API, *OTHERS]
PATTERNS = [
    *("$JS.>", "$JS.API.>", "$JS.ACK.>", "$JS.ACK.EVENTS.>", "$JS.FC.>", "$JS.EVENT.>", "$JS.*.>", "$JS.API.*.*.*"),
    *("$JS.API.CONSUMER.MSG.NEXT.EVENTS.>", "$JS.SNAPSHOT.>", "$KV.>", "$O.>", "$JSC.>", "$NRG.>"),
    *("feed.>", "feed.*", "feed.events.>", "feed.events.*.*"),
    *("retry.>", "dead.>", "retry.*", "dead.*", "events.>", "events.*.*", "events.sales.*", ">", "*.*", "*.*.*"),
]
OF_PERSONS = {f"$JS.API.{verb}" for verb in ("INFO", "STREAM.NAMES", "STREAM.LIST")} | {
    f"$JS.API.{verb}.{stream}"
    for verb in ("STREAM.INFO", "CONSUMER.NAMES", "CONSUMER.LIST")
    for stream in ("EVENTS", "DEAD")
}
OF_THE_OPERATOR = {
    *(f"$JS.API.{verb}.{stream}" for verb in ("STREAM.MSG.GET", "DIRECT.GET") for stream in ("EVENTS", "DEAD")),
    *(f"$JS.API.DIRECT.GET.{stream}.events.sales.placed" for stream in ("EVENTS", "DEAD")),
    *(f"$JS.API.CONSUMER.INFO.EVENTS.{consumer}" for consumer in CONSUMERS),
    "$JS.API.STREAM.MSG.DELETE.DEAD",
    *(f"retry.{service}" for service in HANDLERS),
}
OF_THE_DEPLOYER = {
    *(f"$JS.API.STREAM.{verb}.{stream}" for verb in ("CREATE", "UPDATE") for stream in ("EVENTS", "DEAD")),
    *(
        f"$JS.API.CONSUMER.{verb}.EVENTS.{consumer}"
        for verb in ("CREATE", "INFO", "DELETE", "RESET")
        for consumer in CONSUMERS
    ),
    "$JS.API.DIRECT.GET.EVENTS",
    *(f"$JS.API.STREAM.{verb}.FEED" for verb in ("CREATE", "UPDATE", "INFO")),
    "$JS.API.CONSUMER.LIST.FEED",
}
OF_WORKERS = {
    "gateway": {"$JS.API.DIRECT.GET.FEED"},
    "sales": {"events.sales.placed", "events.sales.cancelled", "events.sales.seen"},
    "depot": {"events.depot.reserved"},
}


def may_publish(user: str) -> set[str]:
    if user in PERSONS:
        return OF_PERSONS | (OF_THE_OPERATOR if user in {"operator", "console"} else OF_THE_DEPLOYER)
    own = OF_WORKERS.get(user, set())
    if user in HANDLERS:
        own = own | {
            *(f"$JS.API.CONSUMER.MSG.NEXT.EVENTS.{user}", f"$JS.ACK.EVENTS.{user}.1.1.1.1.1", f"dead.{user}"),
        }
    return own


@pytest.fixture(scope="module")
async def refusals(streams: Servers) -> dict[str, Refusals]:
    """What each user is refused, who has tried everything."""
    found = {}
    async with connected(streams, USERS) as connections:
        for user, connection in connections.items():
            for subject in [*SUBJECTS, *PATTERNS]:
                connection.publish(subject)
                connection.subscribe(subject)
                connection.subscribe(subject, "q")
            found[user] = await connection.refused()
    return found


@pytest.mark.parametrize("user", USERS)
async def test_no_user_may_ask_more_of_jetstream_than_it_needs(refusals: dict[str, Refusals], user: str) -> None:
    probes = {*SUBJECTS, *PATTERNS}
    allowed = {subject for subject in probes if ("Publish", subject, "") not in refusals[user]}
    assert may_publish(user) == allowed


@pytest.mark.parametrize("user", USERS)
async def test_no_user_hears_what_streams_are_told_or_deliver(refusals: dict[str, Refusals], user: str) -> None:
    probes = {*SUBJECTS, *PATTERNS}
    for queue in ("", "q"):
        allowed = {subject for subject in probes if ("Subscription", subject, queue) not in refusals[user]}
        heard = {"operator": "events.", "console": "events.", "gateway": "feed."}.get(user, "nothing")
        assert {subject for subject in probes if subject.startswith(heard)} == allowed


async def test_a_service_that_publishes_nothing_may_publish_nothing(streams: Servers) -> None:
    """NATS takes an empty list of allowed subjects for all subjects."""
    async with connected(streams, ["idle"]) as user:
        for subject in ("customers.get", "$SRV.PING", "anything", "_INBOX_gateway.x"):
            user["idle"].publish(subject)
        assert 4 == len(await user["idle"].refused())


async def test_a_service_that_publishes_nothing_answers_all_the_same(streams: Servers) -> None:
    async with connected(streams, ["idle", "operator"]) as user:
        user["idle"].subscribe("$SRV.PING.idle")
        user["operator"].subscribe("_INBOX_operator.x")
        assert (set(), set()) == (await user["idle"].refused(), await user["operator"].refused())
        user["operator"].publish("$SRV.PING.idle", "_INBOX_operator.x")
        assert (set(), set()) == (await user["operator"].refused(), await user["idle"].refused())
        user["idle"].publish("_INBOX_operator.x")
        assert (set(), set()) == (await user["idle"].refused(), await user["operator"].refused())
        assert [("_INBOX_operator.x", "")] == user["operator"].messages
