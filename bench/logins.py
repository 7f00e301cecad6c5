"""Logins beside what argon2 alone allows, and reads beside logins."""

import asyncio
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

from bench.load import Load, Target, pace, saturate
from bench.progress import tell
from bench.results import Claim, Section, Table
from bench.rounds import paired, spread
from bench.tokens import Tokens
from devstack.stack import Stack

_CONNECTIONS = 4  # on one account: a fifth attempt at once would be the last that is let in
_READS_PER_SECOND = 100
# What auth_svc/settings.py has where nobody says otherwise.
_HASHER = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)


async def logins(stack: Stack, tokens: Tokens, paths: Sequence[str], *, rounds: int, seconds: float) -> Section:
    """In each round: argon2 alone, logins alone, reads alone, reads with logins beside them."""
    body = stack.state.home / "login.json"
    body.write_text(f'{{"email":"{stack.state.admin.email}","password":"{stack.state.admin.password}"}}')
    login = Target(stack.state.gateway_url, ["/v1/auth/login"], body=body)
    await saturate(login, seconds=2, connections=_CONNECTIONS)
    alone: list[float] = []
    done: list[Load] = []
    reads: list[Load] = []
    beside: list[Load] = []
    for turn in range(rounds):
        tell(f"  round {turn + 1} of {rounds}")
        alone.append(await asyncio.to_thread(_argon2_alone, seconds))
        done.append(await saturate(login, seconds=seconds, connections=_CONNECTIONS))
        read = Target(stack.state.gateway_url, paths, await tokens.headers())
        reads.append(await pace(read, rate=_READS_PER_SECOND, seconds=seconds))
        both = asyncio.gather(
            pace(read, rate=_READS_PER_SECOND, seconds=seconds),
            saturate(login, seconds=seconds, connections=_CONNECTIONS),
        )
        beside.append((await both)[0])
    by_argon2 = paired([load.rate for load in done], alone)
    slower = paired([load.p99 for load in beside], [load.p99 for load in reads])
    failures = sum(load.failures for load in (*done, *reads, *beside))
    return Section(
        name="logins",
        title="Logins, beside argon2 alone; reads beside logins",
        notes=[f"{failures} requests failed"] if failures else [],
        tables=[
            Table(
                columns=["what", "median and range"],
                rows=[
                    [f"argon2 alone on {os.cpu_count()} threads, verifications/s", str(spread(alone))],
                    [f"logins/s on {_CONNECTIONS} connections", str(spread([load.rate for load in done]))],
                    ["logins / argon2 alone", str(by_argon2)],
                    [f"p99 ms of {_READS_PER_SECOND} reads/s, alone", str(spread([load.p99 for load in reads]))],
                    ["p99 ms of the same, with logins beside", str(spread([load.p99 for load in beside]))],
                    ["with logins / alone", str(slower)],
                ],
            )
        ],
        claims=[
            Claim(what="logins/s by argon2's alone", bound=0.9, at_least=True, measured=by_argon2),
            Claim(what="p99 of reads with logins beside, by alone", bound=2.0, measured=slower),
        ],
        figures={"argon2": alone, "logins": [vars(load) for load in done], "reads": [vars(load) for load in reads]},
    )


def _argon2_alone(seconds: float) -> float:
    """Passwords verified in a second, on a thread for each core: argon2 lets go of Python's lock."""
    stored = _HASHER.hash("correct horse battery staple")
    until = time.monotonic() + seconds

    def verify(_: int) -> int:
        count = 0
        while time.monotonic() < until:
            _HASHER.verify(stored, "correct horse battery staple")
            count += 1
        return count

    cores = os.cpu_count() or 1
    begun = time.monotonic()
    with ThreadPoolExecutor(cores) as threads:
        total = sum(threads.map(verify, range(cores)))
    return total / (time.monotonic() - begun)
