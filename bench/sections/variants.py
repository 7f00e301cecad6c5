"""Saturates variants of our system, which differ in their variables, in paired rounds."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from bench.comparison import Plan, compare
from bench.load import Target
from bench.progress import show
from bench.reporting.results import Sample
from bench.reporting.rounds import rotated
from bench.sections.http import CUSTOMER
from bench.systems import System, mesh, ours
from bench.tokens import Tokens
from devstack.stack.stack import Stack


async def saturate(
    home: Path, variants: Mapping[str, Mapping[str, str]], *, starts: int, rounds: int, seconds: float
) -> list[Sample]:
    """Saturate the customer by key in each variant: a name, and the variables of its services.

    The same system may cost a tenth more or less from one start to the next. So all are restarted several times, in
    another order each time.
    """
    samples: list[Sample] = []
    for start in range(starts):
        show(f"  start {start + 1} of {starts}")
        async with AsyncExitStack() as running:
            stacks = {
                name: await running.enter_async_context(mesh(home / name, variables=variants[name]))
                for name in rotated([*variants], start)
            }
            came = await _saturated(stacks, Plan(rounds=rounds, saturating=seconds))
        samples += [one.model_copy(update={"turn": start * rounds + one.turn}) for one in came]
    return samples


async def _saturated(stacks: Mapping[str, Stack], plan: Plan) -> list[Sample]:
    tokens = {name: Tokens(stack) for name, stack in stacks.items()}
    paths = CUSTOMER.paths(await next(iter(tokens.values())).customers())

    async def aim(system: System) -> Target:
        return Target(system.url, paths, await tokens[system.name].headers())

    return await compare([replace(ours(stack), name=name) for name, stack in stacks.items()], aim, plan)
