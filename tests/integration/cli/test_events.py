"""`mesh events` as operators run it: the command itself, against a real server with stored events."""

import asyncio
import json
import signal
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from devstack.servers.all import Servers
from ops.jetstream import JetStream
from tests.support import command
from tests.support.events import durable_events
from tests.support.events.durable_events import ALL_ROWS, connected, publish, pull

SERVICES = ("sales", "depot", "courier")


class Ended(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Command:
    """Runs `mesh` with a NATS_URL, as one does on another machine."""

    def __init__(self, servers: Servers, folder: Path) -> None:
        self._url = servers.nats_url
        self._seeds = folder
        for user in ("operator", "deployer", "depot"):
            (folder / f"{user}.nk").write_text(servers.nats_seeds[user])

    def environment(self, user: str = "operator") -> dict[str, str]:
        return {"NATS_URL": self._url, "NATS_NKEY_SEED_FILE": str(self._seeds / f"{user}.nk")}

    async def __call__(self, *words: str, user: str = "operator", typed: str = "") -> Ended:
        ended = await command.mesh("events", *words, stdin=typed.encode(), **self.environment(user))
        return Ended(ended.code, ended.out, ended.err)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    async with durable_events.nats(tmp_path) as servers:
        yield servers


@pytest.fixture
def mesh(servers: Servers, tmp_path: Path) -> Command:
    return Command(servers, tmp_path)


@pytest.fixture
async def sold(servers: Servers) -> Servers:
    """Three events: depot has handled the first, works on the second, and has declared the third dead."""
    async with connected(servers, "sales") as sales, connected(servers, "depot") as depot:
        for number in (1, 2, 3):
            headers = {
                "ce-id": f"id-{number}",
                "ce-type": "sales.placed",
                "ce-source": "/sales",
                "ce-subject": str(number),
                "Nats-Msg-Id": f"id-{number}",
            }
            await publish(sales, "events.sales.placed", json.dumps({"sale_id": number}).encode(), headers)
        first, _, third = await pull(depot, "depot", 3)
        dead = {**third.headers, "Nats-Msg-Id": "depot:id-3", "Dead-Reason": "bug", "Dead-Detail": "no room \x1b[31m"}
        await publish(depot, "dead.depot", third.payload, {**dead, "Dead-Attempts": "8", "Dead-Sequence": "3"})
        for message in (first, third):
            await depot.publish(message.reply, b"+ACK")
        await depot.flush()
    async with connected(servers, "operator") as operator:
        while (found := await JetStream(operator).consumer("EVENTS", "depot")) is None or found.num_ack_pending > 1:
            await asyncio.sleep(0.01)
    return servers


async def test_ls_tells_what_is_stored_what_waits_and_what_is_dead(sold: Servers, mesh: Command) -> None:
    told = (await mesh("ls", "--json")).documents
    streams = [one for one in told if "stream" in one and "consumer" not in one]
    sales, depot, courier = (next(one for one in told if one.get("consumer") == name) for name in SERVICES)
    assert {"EVENTS": 3, "DEAD": 1} == {one["stream"]: one["messages"] for one in streams}
    assert (0, 1, 1) == (depot["num_pending"], depot["num_ack_pending"], depot["dead"])
    assert (3, 0, 0) == (courier["num_pending"], courier["num_ack_pending"], courier["dead"])
    assert (0, None) == (sales["num_pending"], sales["oldest"])
    assert depot["oldest"] > courier["oldest"]
    shown = await mesh("ls")
    assert 0 == shown.status
    assert ["consumer", "pending", "in", "work", "redelivered", "behind", "dead"] in [
        line.split() for line in shown.out.splitlines()
    ]


async def test_tail_prints_what_is_stored_in_order(sold: Servers, mesh: Command) -> None:
    told = await mesh("tail", "--since", "1h", "--no-follow", "--json")
    assert [1, 2, 3] == [document["sequence"] for document in told.documents]
    assert [{"sale_id": number} for number in (1, 2, 3)] == [document["data"] for document in told.documents]
    assert [] == (await mesh("tail", "--no-follow", "--json")).documents
    assert [] == (await mesh("tail", "events.depot.>", "--since", "1h", "--no-follow", "--json")).documents
    [line, *_] = (await mesh("tail", "--since", "1h", "--no-follow")).out.splitlines()
    assert 'events.sales.placed  /sales#1  id-1  {"sale_id": 1}' in line


async def test_tail_follows_until_ctrl_c(sold: Servers, mesh: Command) -> None:
    words = ("events", "tail", "--since", "1h", "--json")
    process = await create_subprocess_exec(command.MESH, *words, env=mesh.environment(), stdout=PIPE)
    assert process.stdout
    for _ in range(3):
        await process.stdout.readline()
    async with connected(sold, "sales") as sales:
        await publish(sales, "events.sales.cancelled", b"not JSON")
    told = json.loads(await process.stdout.readline())
    assert (4, "events.sales.cancelled", "bm90IEpTT04=") == (told["sequence"], told["subject"], told["data_base64"])
    process.send_signal(signal.SIGINT)
    assert 130 == await process.wait()


@pytest.mark.parametrize("event", ["id-2", "2"])
async def test_show_finds_an_event_by_its_id_and_by_its_sequence(sold: Servers, mesh: Command, event: str) -> None:
    [document] = (await mesh("show", event, "--json")).documents
    assert ({"sale_id": 2}, "id-2") == (document["data"], document["headers"]["ce-id"])
    page = (await mesh("show", event)).out
    assert "  ce-subject: 2\n" in page
    assert '{\n  "sale_id": 2\n}\n' in page


@pytest.mark.parametrize("event", ["id-9", "99", "0"])
async def test_an_event_that_is_not_there_is_one_line(sold: Servers, mesh: Command, event: str) -> None:
    refused = await mesh("show", event)
    assert (1, "", f"mesh: there is no event {event} in EVENTS\n") == refused


async def test_a_dead_letter_is_listed_with_its_reason_and_obeyed_by_no_terminal(sold: Servers, mesh: Command) -> None:
    [_, line] = (await mesh("dead", "ls")).out.splitlines()
    assert "depot    sales.placed  id-3      8  bug: no room \\u001b[31m" in line
    [letter] = (await mesh("dead", "ls", "--service", "depot", "--json")).documents
    assert ({"sale_id": 3}, "3") == (letter["data"], letter["headers"]["Dead-Sequence"])
    assert [] == (await mesh("dead", "ls", "--service", "courier", "--json")).documents
    assert "\x1b" not in (await mesh("dead", "show", "1")).out
    assert (1, "", "mesh: there is no dead letter 7\n") == await mesh("dead", "show", "7")


@pytest.mark.parametrize("which", [["1"], ["--all"], ["--all", "--service", "depot"]])
async def test_a_dead_letter_is_retried_by_its_service(sold: Servers, mesh: Command, which: list[str]) -> None:
    assert (0, "retried 1\n", "") == await mesh("dead", "retry", *which)
    assert [] == (await mesh("dead", "ls", "--json")).documents
    async with connected(sold, "depot") as depot:
        [again] = await pull(depot, "depot")
    assert ("retry.depot", "id-3") == (again.subject, again.headers["ce-id"])
    assert "Dead-Reason" not in again.headers


async def test_a_dead_letter_is_dropped_after_asking(sold: Servers, mesh: Command) -> None:
    assert 1 == (await mesh("dead", "drop", "1", typed="n\n")).status
    assert 1 == len((await mesh("dead", "ls", "--json")).documents)
    assert (0, "dropped 1\n") == (await mesh("dead", "drop", "1", "--yes"))[:2]
    assert [] == (await mesh("dead", "ls", "--json")).documents


async def test_a_replay_is_asked_twice_and_delivers_again(sold: Servers, mesh: Command) -> None:
    words = ("replay", "depot", "--since", "1h")
    for typed in ("n\n", "y\nyes\n"):
        assert 1 == (await mesh(*words, user="deployer", typed=typed)).status
    done = await mesh(*words, user="deployer", typed="y\ndepot\n")
    assert (0, "depot reads again from sequence 1 on, at most 3 events") == (done.status, done.out.strip())
    async with connected(sold, "depot") as depot:
        assert ["id-1", "id-2", "id-3"] == [one.headers["ce-id"] for one in await pull(depot, "depot", 3)]


async def test_a_replay_skips_nothing_that_waits(sold: Servers, mesh: Command) -> None:
    """Since a moment to come, that is from the end on; but the second event is not acknowledged yet."""
    [document] = (await mesh("replay", "depot", "--since", "2100-01-01", "--yes", "--json", user="deployer")).documents
    assert {"consumer": "depot", "from_sequence": 2, "at_most": 2} == document


async def test_a_replay_of_nobody_is_one_line(sold: Servers, mesh: Command) -> None:
    refused = await mesh("replay", "nobody", "--since", "1h", "--yes", user="deployer")
    names = ", ".join(sorted(row.name for row in ALL_ROWS if row.handles))
    assert (1, "", f"mesh: there is no consumer 'nobody'; there are {names}\n") == refused


async def test_whoever_may_not_is_told_so(sold: Servers, mesh: Command) -> None:
    refused = await mesh("replay", "depot", "--since", "1h", "--yes", user="depot")
    assert (1, 1) == (refused.status, len(refused.err.splitlines()))
    assert "NATS does not allow" in refused.err
    assert refused.err.endswith(": it has to be the NATS user deployer\n")


async def test_without_streams_a_command_says_how_to_make_them(tmp_path: Path) -> None:
    async with durable_events.nats(tmp_path, streams=False) as servers:
        mesh = Command(servers, tmp_path)
        for words in (["ls"], ["tail"], ["dead", "retry", "--all"]):
            refused = await mesh(*words)
            assert (3, "") == refused[:2]
            assert "mesh nats streams --apply" in refused.err
