"""Logins compared with argon2 alone, and reads beside logins."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httpx2
from argon2 import PasswordHasher

from auth_svc.settings import CORES, AuthSettings
from bench.errors import BenchError
from bench.load import Load, Target, pace, saturate
from bench.progress import show
from bench.reporting.results import Claim, Section, Table
from bench.reporting.rounds import paired, rotated, spread
from bench.tokens import Tokens
from devstack.stack.stack import Stack

_THREADS: int = AuthSettings.model_fields["auth_hashes_at_once"].default
"""The number of auth's hashing threads: one core is left to other work."""
# More than argon2 has threads. `mesh up` admits them: an account may try five times at once, and a success gives its
# attempt back, also that of its address.
_CONNECTIONS = min(4 * _THREADS, 16)
_ACCOUNTS = 90
"""They log in by turns: an account with fifty sessions ends one at each login. An address may register a hundred."""
_READS_PER_SECOND = 200
_READING = 16.0
"""Seconds: with the rate, 3,200 requests for the p99."""
_PASSWORD = "correct horse battery staple"  # noqa: S105  # of accounts that last as long as the run
# The defaults of auth_svc/settings.py.
_HASHER = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)


class _Samples(NamedTuple):
    argon2: list[float]
    """Verifications per second, one for each round."""
    logins: list[Load]
    reads: list[Load]
    beside: list[Load]
    """Reads with logins beside them."""


async def logins(stack: Stack, tokens: Tokens, paths: Sequence[str], *, rounds: int, seconds: float) -> Section:
    """In each round, in alternating order: argon2 alone, logins alone, reads alone, reads with logins beside them.

    Raises BenchError if a request fails: a refused login costs nothing.
    """
    login = Target(stack.state.gateway_url, ["/v1/auth/login"], bodies=await _accounts(stack))
    await _logins(login, 2)
    samples = _Samples([], [], [], [])

    async def read() -> Load:
        target = Target(stack.state.gateway_url, paths, await tokens.headers())
        return _succeeded("reads", await pace(target, rate=_READS_PER_SECOND, seconds=_READING))

    async def argon2_alone() -> None:
        samples.argon2.append(await asyncio.to_thread(_argon2_alone, seconds))

    async def logins_alone() -> None:
        samples.logins.append(await _logins(login, seconds))

    async def reads_alone() -> None:
        samples.reads.append(await read())

    async def reads_beside() -> None:
        samples.beside.append((await asyncio.gather(read(), _logins(login, _READING + 1)))[0])

    steps: Mapping[str, Callable[[], Awaitable[None]]] = {
        "argon2 alone": argon2_alone,
        "logins": logins_alone,
        "reads": reads_alone,
        "reads beside logins": reads_beside,
    }
    for turn in range(rounds):
        for name in rotated(list(steps), turn):
            show(f"  round {turn + 1} of {rounds}: {name}")
            await steps[name]()
    return _section(samples)


def _section(samples: _Samples) -> Section:
    by_argon2 = paired([load.rate for load in samples.logins], samples.argon2)
    slower = paired([load.p99 for load in samples.beside], [load.p99 for load in samples.reads])
    rows = [
        [f"argon2 alone, on {_THREADS} of {CORES} cores, verifications/s", str(spread(samples.argon2))],
        [f"logins/s on {_CONNECTIONS} connections", str(spread([load.rate for load in samples.logins]))],
        ["logins / argon2 alone", str(by_argon2)],
        [f"p99 ms of {_READS_PER_SECOND} reads/s, alone", str(spread([load.p99 for load in samples.reads]))],
        ["p99 ms of the same, with logins beside", str(spread([load.p99 for load in samples.beside]))],
        ["with logins / alone", str(slower)],
    ]
    return Section(
        name="logins",
        title="Logins, beside argon2 alone; reads beside logins",
        tables=[Table(columns=["what", "median and range"], rows=rows)],
        claims=[
            Claim(what="logins/s by argon2's alone", bound=0.9, at_least=True, measured=by_argon2),
            Claim(what="p99 of reads with logins beside, by alone", bound=2.0, measured=slower),
        ],
        figures={
            "argon2": samples.argon2,
            "logins": [vars(load) for load in samples.logins],
            "reads": [vars(load) for load in samples.reads],
            "beside": [vars(load) for load in samples.beside],
        },
    )


async def _accounts(stack: Stack) -> Path:
    """Register the accounts; returns the file of their logins, one per line."""
    logins = [{"email": f"login-{number}@bench.example", "password": _PASSWORD} for number in range(_ACCOUNTS)]
    async with httpx2.AsyncClient(base_url=stack.state.gateway_url) as http:
        for each in logins:
            (await http.post("/v1/auth/register", json=each)).raise_for_status()
    file = stack.state.home / "logins"
    file.write_text("".join(f"{json.dumps(each)}\n" for each in logins))
    return file


async def _logins(login: Target, seconds: float) -> Load:
    return _succeeded("logins", await saturate(login, seconds=seconds, connections=_CONNECTIONS))


def _succeeded(what: str, load: Load) -> Load:
    if load.failures:
        raise BenchError(f"{load.failures} of {load.requests} {what} failed")
    return load


def _argon2_alone(seconds: float) -> float:
    """Passwords verified in a second, on as many threads as auth has: argon2 releases Python's lock."""
    stored = _HASHER.hash(_PASSWORD)
    until = time.monotonic() + seconds

    def verify(_: int) -> int:
        count = 0
        while time.monotonic() < until:
            _HASHER.verify(stored, _PASSWORD)
            count += 1
        return count

    begun = time.monotonic()
    with ThreadPoolExecutor(_THREADS) as threads:
        total = sum(threads.map(verify, range(_THREADS)))
    return total / (time.monotonic() - begun)
