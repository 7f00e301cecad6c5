"""What a check is and what it finds: each has a rule of wire.md, and passes only if it tried something."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

_SHOWN: Final = 3
"""Faults of one check that a result tells; further ones are counted."""


class Outcome(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Skip(Exception):
    """The check cannot be tried here. The text says why."""


@dataclass
class Tally:
    """What a check has tried so far."""

    tried: int = 0
    faults: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def expect(self, holds: bool, fault: str) -> None:  # noqa: FBT001  # reads as an assertion
        """Count one trial, and the fault if it does not hold."""
        self.tried += 1
        if not holds:
            self.faults.append(fault)

    def skip(self, why: str) -> None:
        """Note a part that cannot be tried."""
        if why not in self.skipped:
            self.skipped.append(why)


@dataclass(frozen=True)
class Result:
    """The result of one check."""

    rule: str
    title: str
    outcome: Outcome
    why: str
    seconds: float = 0.0


Run = Callable[[Any, Tally], Awaitable[None]]
"""Takes the kit."""


@dataclass(frozen=True)
class Check:
    """One check of one rule. `last`: it judges what the others have seen."""

    rule: str
    title: str
    run: Run
    name: str
    group: str
    last: bool = False

    def result(self, outcome: Outcome, why: str, seconds: float = 0.0) -> Result:
        """Make the result of this check."""
        return Result(self.rule, self.title, outcome, why, seconds)


CHECKS: Final[list[Check]] = []
"""Every check, in the order of their modules."""


def rule(number: str, *, last: bool = False) -> Callable[[Run], Run]:
    """Register a check of the rule with this number. The first line of its docstring says what holds if it passes."""

    def register(run: Run) -> Run:
        title = (run.__doc__ or "").strip().splitlines()[0].rstrip(".")
        name = getattr(run, "__name__", number)
        CHECKS.append(Check(number, title, run, name, run.__module__.rpartition(".")[2], last))
        return run

    return register


def judged(check: Check, tally: Tally, seconds: float) -> Result:
    """The result of a check that has run to its end."""
    if tally.faults:
        shown = "; ".join(tally.faults[:_SHOWN])
        more = len(tally.faults) - _SHOWN
        return check.result(Outcome.FAILED, shown + (f"; and {more} more" if more > 0 else ""), seconds)
    if not tally.tried:
        return check.result(Outcome.SKIPPED, "; ".join(tally.skipped) or "there is nothing to try it on", seconds)
    left = f"; not tried: {'; '.join(tally.skipped)}" if tally.skipped else ""
    return check.result(Outcome.PASSED, f"{tally.tried} tried{left}", seconds)
