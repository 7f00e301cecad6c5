"""The parts of a benchmark, in order, and how large each is in the short and in the full form."""

import math
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.comparison import Plan
from bench.progress import show
from bench.reporting.results import Section
from bench.sections.buses import buses
from bench.sections.events import durable_events
from bench.sections.http import CUSTOMER, PRODUCT, PRODUCTS, Asked, ask, ask_with_new_tokens
from bench.sections.lasting import lasting
from bench.sections.limits import limits
from bench.sections.lists import lists
from bench.sections.logins import logins
from bench.sections.metrics import metrics
from bench.sections.orders import orders
from bench.sections.scaling import scaling
from bench.sections.start import start
from bench.sections.tracing import tracing
from bench.systems import ALL_PEERS, OURS, mesh, ours, peers
from bench.tokens import Tokens
from devstack.stack.stack import Stack


@dataclass(frozen=True)
class Bench:
    """The plan: which parts, how much of each, and the folder of data and logs."""

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
        """Our system and the named peers that run; all peers in the full form."""
        return self.only(*(system.name for system in self.asked.systems)) if self.bench.full else self.only(*names)

    def only(self, *names: str) -> Asked:
        """Our system and the named peers that run."""
        return replace(self.asked, systems=[one for one in self.asked.systems if one.name in {OURS, *names}])


async def _customer(on: Testbed) -> Section:
    full = Plan(rounds=4, paced=5, saturating=5, rate=_RATE)
    short = Plan(rounds=3, paced=3, saturating=4, rate=_RATE)
    return await ask(CUSTOMER, on.some(*_SHORT_PEERS), full if on.bench.full else short)


async def _products(on: Testbed) -> Section:
    full = Plan(rounds=3, paced=4, saturating=4, rate=_RATE)
    short = Plan(rounds=3, paced=3, saturating=3, rate=_RATE)
    return await ask(PRODUCTS, on.some("nestjs-express"), full if on.bench.full else short)


async def _product(on: Testbed) -> Section:
    full = Plan(rounds=3, paced=4, saturating=4, rate=_RATE)
    short = Plan(rounds=3, paced=3, saturating=3, rate=_RATE)
    return await ask(PRODUCT, on.only("nestjs-express", "nestjs-fastify"), full if on.bench.full else short)


async def _new_tokens(on: Testbed) -> Section:
    plan = Plan(rounds=3 if on.bench.full else 2, saturating=4)
    return await ask_with_new_tokens(on.only(*_SHORT_PEERS), plan, on.bench.home / "tokens")


async def _memory(on: Testbed) -> Section:
    return await lasting(on.stack, on.asked.tokens, on.paths, minutes=10 if on.bench.full else 2)


async def _logins(on: Testbed) -> Section:
    return await logins(on.stack, on.asked.tokens, on.paths, rounds=3 if on.bench.full else 2, seconds=6)


async def _limits(on: Testbed) -> Section:
    return await limits(on.stack, rounds=3 if on.bench.full else 2, seconds=4)


async def _orders(on: Testbed) -> Section:
    return await orders(on.stack, on.asked.tokens, rounds=5 if on.bench.full else 2, seconds=10 if on.bench.full else 6)


async def _bus(bench: Bench) -> Section:
    return await buses(rounds=3 if bench.full else 1)


async def _events(bench: Bench) -> Section:
    return await durable_events(bench.home / "events", rounds=3 if bench.full else 1, turns=5 if bench.full else 3)


async def _lists(bench: Bench) -> Section:
    return await lists(bench.home / "lists", rounds=3 if bench.full else 2, seconds=3)


async def _scaling(bench: Bench) -> Section:
    return await scaling(bench.home / "scaling", rounds=3 if bench.full else 2, seconds=4)


async def _tracing(bench: Bench) -> Section:
    return await tracing(bench.home / "tracing", starts=8 if bench.full else 2, rounds=2, seconds=2)


async def _metrics(bench: Bench) -> Section:
    return await metrics(bench.home / "metrics", starts=8 if bench.full else 2, rounds=2, seconds=2)


async def _start(bench: Bench) -> Section:
    return await start(bench.home / "start", rounds=5 if bench.full else 3)


_RATE = 200
"""Requests a second of the paced runs: a rate that the slowest system serves easily on two cores."""
_TOGETHER: dict[str, Callable[[Testbed], Awaitable[Section]]] = {
    "customer": _customer,
    "products": _products,
    "product": _product,
    "new-tokens": _new_tokens,
    "logins": _logins,
    "limits": _limits,
    "orders": _orders,
    "memory": _memory,
}
_ALONE: dict[str, Callable[[Bench], Awaitable[Section]]] = {
    "bus": _bus,
    "events": _events,
    "lists": _lists,
    "scaling": _scaling,
    "tracing": _tracing,
    "metrics": _metrics,
    "start": _start,
}
PARTS = (*_TOGETHER, *_ALONE)
_MINUTES: Mapping[str, tuple[float, float]] = {
    "customer": (1.8, 4.3),
    "products": (0.9, 2.8),
    "product": (0.9, 1.5),
    "new-tokens": (1.5, 1.8),
    "logins": (1.8, 2.6),
    "limits": (0.2, 0.3),
    "orders": (0.4, 1.1),
    "memory": (2.1, 10.1),
    "bus": (0.2, 0.6),
    "events": (0.6, 1.8),
    "lists": (2.6, 3.4),
    "scaling": (1.8, 2.6),
    "tracing": (1.2, 4.6),
    "metrics": (1.2, 4.6),
    "start": (0.4, 0.6),
}
"""Duration of each part in the short and the full form, on two cores, to estimate the remaining time."""
_SHORT = ("customer", "products", "product", "orders", "bus", "events", "start")
_SHORT_PEERS = ("nestjs-express", "go", "fastapi")
_FOLDERS = ("home", "events", "lists", "metrics", "scaling", "start", "tokens", "tracing")


async def measure(bench: Bench, keep: Callable[[Section], None]) -> dict[str, str]:
    """Measure the parts, and pass each section to `keep`. Returns why a part or a peer could not be measured, by name.

    A failing part does not keep the others from being measured.
    """
    missing: dict[str, str] = {}
    for folder in _FOLDERS:  # data of another version would distort the result
        shutil.rmtree(bench.home / folder, ignore_errors=True)
    together = [name for name in bench.parts if name in _TOGETHER]
    if together:
        try:
            async with AsyncExitStack() as stopping:
                show("starting")
                on = await _testbed(bench, stopping, missing)
                while together:
                    name = together.pop(0)
                    await _do(name, partial(_TOGETHER[name], on), bench, keep, missing)
        except Exception as error:  # noqa: BLE001  # as in `_do`
            show(f"  failed: {_why(error)}")
            missing |= dict.fromkeys(together, _why(error))
    for name in bench.parts:
        if name in _ALONE:
            await _do(name, partial(_ALONE[name], bench), bench, keep, missing)
    return missing


async def _testbed(bench: Bench, stopping: AsyncExitStack, missing: dict[str, str]) -> Testbed:
    stack = await stopping.enter_async_context(mesh(bench.home / "home"))
    names = [peer.name for peer in ALL_PEERS] if bench.full else _SHORT_PEERS
    running, absent = await stopping.enter_async_context(peers(stack, names))
    missing |= absent
    tokens = Tokens(stack)
    return Testbed(bench, stack, Asked([ours(stack), *running], tokens, await tokens.customers()))


async def _do(
    name: str,
    part: Callable[[], Awaitable[Section]],
    bench: Bench,
    keep: Callable[[Section], None],
    missing: dict[str, str],
) -> None:
    """Measure one part. Its failure does not end the others."""
    rest = bench.parts[bench.parts.index(name) :]
    left = sum(_MINUTES[each][bench.full] for each in rest)
    show(f"{name}, then {len(rest) - 1} more parts: some {math.ceil(left)} minutes left")
    try:
        keep(await part())
    except Exception as error:  # noqa: BLE001  # of any kind, as a part may fail in many ways
        show(f"  {name} failed: {_why(error)}")
        missing[name] = _why(error)


def _why(error: Exception) -> str:
    """The error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
