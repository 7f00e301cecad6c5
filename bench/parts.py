"""The parts of a benchmark, in order, and how large each is in the short and in the full form."""

import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import psutil

from bench.buses import buses
from bench.comparison import Plan
from bench.errors import BenchError
from bench.http import CUSTOMER, PRODUCTS, Asked, ask, ask_with_new_tokens
from bench.lasting import lasting
from bench.limits import limits
from bench.lists import lists
from bench.logins import logins
from bench.progress import tell
from bench.results import Section
from bench.scaling import scaling
from bench.start import start
from bench.systems import ALL_PEERS, OURS, mesh, ours, peers
from bench.tokens import Tokens
from devstack.errors import DevstackError
from devstack.stack import Stack


@dataclass(frozen=True)
class Bench:
    """What to do: which parts, how much of each, and where data and logs go."""

    home: Path
    full: bool
    only: tuple[str, ...]

    @property
    def parts(self) -> Sequence[str]:
        """The names of the parts, in order."""
        wanted = self.only or (PARTS if self.full else _SHORT)
        return [name for name in PARTS if name in wanted]


@dataclass(frozen=True)
class Testbed:
    """The system that runs, and the peers beside it."""

    bench: Bench
    stack: Stack
    asked: Asked

    @property
    def paths(self) -> list[str]:
        """A path for each customer."""
        return CUSTOMER.paths(self.asked.keys)

    def some(self, *names: str) -> Asked:
        """Ours, and those of the named peers that run; all of them in the full form."""
        return self.only(*(system.name for system in self.asked.systems)) if self.bench.full else self.only(*names)

    def only(self, *names: str) -> Asked:
        """Ours, and those of the named peers that run."""
        return replace(self.asked, systems=[one for one in self.asked.systems if one.name in {OURS, *names}])


async def _customer(on: Testbed) -> Section:
    full = Plan(rounds=7, paced=8, saturating=8, rate=_RATE)
    short = Plan(rounds=3, paced=3, saturating=4, rate=_RATE)
    return await ask(CUSTOMER, on.some(*_SHORT_PEERS), full if on.bench.full else short)


async def _products(on: Testbed) -> Section:
    full = Plan(rounds=5, paced=8, saturating=8, rate=_RATE)
    short = Plan(rounds=3, paced=3, saturating=3, rate=_RATE)
    return await ask(PRODUCTS, on.some("nestjs-express"), full if on.bench.full else short)


async def _new_tokens(on: Testbed) -> Section:
    plan = Plan(rounds=5 if on.bench.full else 2, saturating=4)
    return await ask_with_new_tokens(on.only(*_SHORT_PEERS), plan, on.bench.home / "tokens")


async def _memory(on: Testbed) -> Section:
    return await lasting(on.stack, on.asked.tokens, on.paths, minutes=10 if on.bench.full else 2)


async def _logins(on: Testbed) -> Section:
    return await logins(on.stack, on.asked.tokens, on.paths, rounds=5 if on.bench.full else 2, seconds=8)


async def _limits(on: Testbed) -> Section:
    return await limits(on.stack, rounds=5 if on.bench.full else 2, seconds=4)


async def _bus(bench: Bench) -> Section:
    return await buses(rounds=5 if bench.full else 1)


async def _lists(bench: Bench) -> Section:
    return await lists(bench.home / "lists", rounds=5 if bench.full else 2, seconds=4 if bench.full else 3)


async def _scaling(bench: Bench) -> Section:
    return await scaling(bench.home / "scaling", rounds=5 if bench.full else 2, seconds=8 if bench.full else 4)


async def _start(bench: Bench) -> Section:
    return await start(bench.home / "start", rounds=7 if bench.full else 3)


_RATE = 200
"""Requests a second of the paced runs: what the slowest of the systems still serves at ease on two cores."""
_TOGETHER: dict[str, Callable[[Testbed], Awaitable[Section]]] = {
    "customer": _customer,
    "products": _products,
    "new-tokens": _new_tokens,
    "logins": _logins,
    "limits": _limits,
    "memory": _memory,
}
_ALONE: dict[str, Callable[[Bench], Awaitable[Section]]] = {
    "bus": _bus,
    "lists": _lists,
    "scaling": _scaling,
    "start": _start,
}
PARTS = (*_TOGETHER, *_ALONE)
_SHORT = ("customer", "products", "bus", "start")
_SHORT_PEERS = ("nestjs-express", "fastapi")
_FOLDERS = ("home", "lists", "scaling", "start", "tokens")


async def measure(bench: Bench, keep: Callable[[Section], None]) -> dict[str, str]:
    """Do the parts, and hand on each as it is done; returns by name why a part or a peer could not be measured."""
    missing: dict[str, str] = {}
    for folder in _FOLDERS:  # another version's data would be another measurement
        shutil.rmtree(bench.home / folder, ignore_errors=True)
    together = [name for name in bench.parts if name in _TOGETHER]
    if together:
        async with AsyncExitStack() as stopping:
            tell("starting")
            stack = await stopping.enter_async_context(mesh(bench.home / "home"))
            names = [peer.name for peer in ALL_PEERS] if bench.full else _SHORT_PEERS
            running, missing = await stopping.enter_async_context(peers(stack, names))
            tokens = Tokens(stack)
            on = Testbed(bench, stack, Asked([ours(stack), *running], tokens, await tokens.customers()))
            for name in together:
                await _do(name, _TOGETHER[name](on), keep, missing)
    for name in bench.parts:
        if name in _ALONE:
            await _do(name, _ALONE[name](bench), keep, missing)
    return missing


async def _do(name: str, part: Awaitable[Section], keep: Callable[[Section], None], missing: dict[str, str]) -> None:
    """Let a part fail alone: what the others have measured took its time."""
    tell(name)
    try:
        keep(await part)
    except (BenchError, DevstackError, psutil.Error, httpx2.HTTPError, OSError) as error:
        tell(f"  {name} failed: {error}")
        missing[name] = str(error)
