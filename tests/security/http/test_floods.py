"""A thousand wrong logins at once, and hundreds of clients that dribble: everybody else is served all the same."""

import asyncio
import json
import secrets
import signal
import statistics
import sys
from asyncio import get_running_loop
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import pytest
from httpx2 import AsyncClient

from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from tests.support.http.people import bearer, log_in, register
from tests.support.load.figures import Figures
from tests.support.load.traffic import Ask, Balancer, Outcomes, traffic
from tests.support.long_form import LONG
from tests.support.servers.processes import module

LOGINS, ROUNDS, QUIET = (1000, 9, 2.0) if LONG else (300, 1, 0.2)
SLOW = 200
HEAD_WITHIN, BODY_WITHIN = (10.0, 30.0) if LONG else (1.0, 3.0)
"""Seconds after which a client that dribbles is not waited for; of the body the gateway's own limit is below that."""
LATE = 5.0
MOST_P99 = 0.25
"""Seconds for 99 of 100 reads beside a flood, on two cores that everything shares, the flood itself too."""

pytestmark = pytest.mark.timeout(300, method="thread")


@asynccontextmanager
async def gateway(stack: Stack, name: str, **settings: str) -> AsyncIterator[str]:
    """A gateway that believes whoever asks about the client's address, so that a flood may come from everywhere."""
    process = module(
        stack.state.logs / f"{name}.log",
        "gateway",
        NATS_URL=stack.state.nats_url,
        NATS_NKEY_SEED=load_credentials(stack.state.home).nats["gateway"],
        GATEWAY_PORT="0",
        GATEWAY_TRUSTED_PROXIES="127.0.0.1",
        **settings,
    )
    await process.start()
    try:
        yield f"http://127.0.0.1:{(await process.said('gateway_started'))['port']}"
    finally:
        await process.end(signal.SIGTERM)


@asynccontextmanager
async def others(url: str) -> AsyncIterator[list[Ask]]:
    """What others ask meanwhile."""
    async with AsyncClient(base_url=url, timeout=20) as http:
        headers = bearer(await log_in(http, *await register(http)))
    asking = Balancer([url])
    yield [
        partial(asking.kind, "GET", "/v1/customers/ALFKI", headers=headers),
        partial(asking.kind, "GET", "/v1/products/1"),
    ]
    await asking.close()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def wrong_login(number: int) -> str:
    """One that no throttle ends early: an account and an address of its own."""
    body = json.dumps({"email": f"{secrets.token_hex(8)}@northwind.example", "password": "not the right one"})
    return (
        "POST /v1/auth/login HTTP/1.1\r\nhost: gateway.test\r\ncontent-type: application/json\r\n"
        f"x-forwarded-for: 10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    )


class Flood:
    """Sends many requests at once, from a process of its own that steps back for those of the mesh."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        assert process.stdout
        self._to, self._from = process.stdin, process.stdout

    async def send(self, requests: Sequence[str]) -> dict[str, Any]:
        """See flood.ask_all."""
        self._to.write(json.dumps(requests).encode() + b"\n")
        told: dict[str, Any] = json.loads(await self._from.readline())
        return told


@asynccontextmanager
async def flood(port: int) -> AsyncIterator[Flood]:
    process = await asyncio.create_subprocess_exec(
        *("nice", "-n", "19", sys.executable, "-m", "tests.security.http.flood", str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Flood(process)
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


async def test_a_flood_of_wrong_logins_leaves_others_their_answers(stack: Stack) -> None:
    figures = Figures()
    now = get_running_loop().time
    answers: Counter[str] = Counter()
    quiet: list[Outcomes] = []
    flooded: list[Outcomes] = []
    async with (
        gateway(stack, "gateway-in-a-flood", GATEWAY_MAX_CONNECTIONS=str(LOGINS + 100)) as url,
        others(url) as reads,
        flood(port_of(url)) as attack,
        traffic(reads, at_once=2, pause=0.005) as load,
    ):
        await load.more(20)
        for turn in range(ROUNDS):
            began = now()
            await asyncio.sleep(QUIET)
            quiet.append(load.outcomes.begun(after=began))
            told = await attack.send([wrong_login(turn * LOGINS + number) for number in range(LOGINS)])
            await load.more(4)  # whatever was asked meanwhile is answered
            flooded.append(load.outcomes.ended(after=told["began"]).begun(before=told["ended"]))
            answers += told["outcomes"]
            figures.tell(f"{told['outcomes']} within {told['ended'] - told['began']:.1f} s")

    usual, meanwhile = _medians(quiet), _medians(flooded)
    figures.add(
        f"{LOGINS} wrong logins at once",
        others_p50_before_ms=round(usual[0] * 1000, 1),
        others_p50_meanwhile_ms=round(meanwhile[0] * 1000, 1),
        others_p99_before_ms=round(usual[1] * 1000, 1),
        others_p99_meanwhile_ms=round(meanwhile[1] * 1000, 1),
        answers=dict(answers),
        **Outcomes(one for outcomes in flooded for one in outcomes).figures(),
    )
    assert ROUNDS * LOGINS == answers.total()
    assert {"401", "429 later", "503 later"} >= answers.keys(), answers
    assert answers["401"] >= 3 * ROUNDS, "passwords were really checked"
    assert all(flooded)
    assert {} == load.outcomes.failed()
    if LONG:  # one round is too little to compare speeds
        assert meanwhile[0] <= 2 * usual[0]
        assert meanwhile[1] <= MOST_P99


def _medians(rounds: list[Outcomes]) -> tuple[float, float]:
    """Of the rounds' medians and of their 99th percentiles; seconds."""
    middle, most = (statistics.median(outcomes.percentile(percent) for outcomes in rounds) for percent in (50, 99))
    return middle, most


async def dribbled(port: int, head: bytes, rest: bytes, every: float) -> tuple[bytes, float]:
    """All that is answered to somebody who sends the rest byte by byte, and after how many seconds the end came."""
    now = get_running_loop().time
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = now()
    answer = asyncio.create_task(reader.read())
    try:
        writer.write(head)
        for byte in rest:
            await asyncio.wait([answer], timeout=every)
            if answer.done():
                break
            writer.write(bytes([byte]))
        return await answer, now() - began
    except (ConnectionError, RuntimeError):  # the second is uvloop's word for a connection that is closed
        return b"", now() - began
    finally:
        answer.cancel()
        writer.close()


HEAD: Final = b"GET /v1/products/1 HTTP/1.1\r\nhost: gateway.test\r\n"
BODY: Final = b"POST /v1/auth/login HTTP/1.1\r\nhost: gateway.test\r\ncontent-length: 20000\r\n\r\n"


async def test_clients_that_dribble_are_not_waited_for_and_keep_nobody_waiting(stack: Stack) -> None:
    figures = Figures()
    every = HEAD_WITHIN / 10
    limits = {} if LONG else {"GATEWAY_HEAD_TIMEOUT": str(HEAD_WITHIN), "GATEWAY_TIMEOUT": str(BODY_WITHIN)}
    async with (
        gateway(stack, "gateway-of-dribblers", **limits) as url,
        others(url) as reads,
        traffic(reads, at_once=2, pause=0.01) as load,
    ):
        await load.more(1000 if LONG else 10)
        began = get_running_loop().time()
        slow = [
            asyncio.create_task(dribbled(port_of(url), start, b"x-slow: " + b"y" * 5000, every))
            for start in (HEAD, BODY)
            for _ in range(SLOW // 2)
        ]
        for _ in range(10):  # newcomers as well
            async with AsyncClient(base_url=url, timeout=20) as newcomer:
                assert 200 == (await newcomer.get("/v1/products/1")).status_code
        ends = await asyncio.gather(*slow)
        ended = get_running_loop().time()

    usual, meanwhile = load.outcomes.begun(before=began), load.outcomes.begun(after=began, before=ended)
    heads, bodies = ends[: SLOW // 2], ends[SLOW // 2 :]
    longest = [round(max(seconds for _, seconds in some), 2) for some in (heads, bodies)]
    figures.add(
        f"{SLOW} clients that dribble",
        others_p99_before_ms=round(usual.percentile(99) * 1000, 1),
        others_p99_meanwhile_ms=round(meanwhile.percentile(99) * 1000, 1),
        longest_head_s=longest[0],
        longest_body_s=longest[1],
        **meanwhile.figures(),
    )
    # Who still sends when the gateway hangs up may lose its last words.
    assert {b"HTTP/1.1 408 ", b""} >= {said[:13] for said, _ in ends}
    for limit, seconds in zip((HEAD_WITHIN, BODY_WITHIN), longest, strict=True):
        assert seconds < limit + LATE
    assert {} == load.outcomes.failed()
    if LONG:
        assert meanwhile.percentile(99) <= 2 * usual.percentile(99)
