"""Runs the checks, one after the other, and says what each came to."""

import asyncio
import time
from collections.abc import Callable, Iterable

from conform import checks
from conform.bus import NoAnswer
from conform.check import CHECKS, Check, Outcome, Result, Skip, Tally, judged
from conform.kit import Kit

assert checks.__all__  # noqa: S101  # importing the package has registered the checks

_LONGEST = 300.0
"""Seconds of one check."""
_CALLERS = "W-CONN-3"
"""The rule that says who may call a subject."""


def _nothing(_: Result) -> None:
    """Tell nobody."""


def chosen(rules: Iterable[str] = ()) -> list[Check]:
    """The checks of these rules or families; all checks without any. Those that judge the others are last."""
    wanted = tuple(rules)
    found = [one for one in CHECKS if not wanted or one.rule in wanted or one.rule.rpartition("-")[0] in wanted]
    return sorted(found, key=lambda one: one.last)


async def run(kit: Kit, wanted: list[Check], tell: Callable[[Result], None] = _nothing) -> list[Result]:
    """The result of each check, and a skip for each subject that no check may call."""
    results = []
    for check in wanted:
        result = await _result(kit, check)
        results.append(result)
        tell(result)
    left_out = [
        Result(_CALLERS, f"All rules of `{one}`", Outcome.SKIPPED, f"{kit.options.caller} may not call {one}")
        for one in kit.left_out
    ]
    return [*results, *left_out]


async def _result(kit: Kit, check: Check) -> Result:
    tally, began = Tally(), time.monotonic()
    try:
        async with asyncio.timeout(_LONGEST):
            await check.run(kit, tally)
    except Skip as skip:
        tally.skip(str(skip))
        if not tally.faults:
            return check.result(Outcome.SKIPPED, "; ".join(tally.skipped), time.monotonic() - began)
    except NoAnswer as error:
        tally.expect(False, str(error))  # noqa: FBT003  # a fault
    except TimeoutError:
        tally.expect(False, f"not done within {_LONGEST:g} s")  # noqa: FBT003  # a fault
    except Exception as error:  # noqa: BLE001  # a reply may be anything; a fault of it ends no run
        tally.expect(False, f"a reply of another form: {type(error).__name__}: {error}")  # noqa: FBT003  # a fault
    return judged(check, tally, time.monotonic() - began)
