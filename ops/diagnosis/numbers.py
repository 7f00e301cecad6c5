"""Findings from the metrics of each process: what is near its limit, or hangs."""

from collections.abc import Iterator, Mapping
from typing import Final

from mesh.core.terminal import escaped
from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Metric
from mesh.telemetry.scrape import Scrape, quantile
from ops.diagnosis.finding import Finding

_NEAR: Final = 0.8
"""The share of a limit from which on a process is near it."""
_OLD: Final = 30.0
"""Seconds for which an event may wait in its outbox."""
_LATE: Final = 0.5
"""Seconds. An event loop that is later than this once in a hundred times is blocked."""
_ENOUGH: Final = 300
"""Measurements of the event loop, one a second, from which on they tell something."""


def numbers(scrapes: Mapping[str, Scrape | None]) -> list[Finding]:
    """What the metrics tell, by the name of the process. None is a process whose metrics do not answer."""
    silent = [
        Finding("error", escaped(name), "its metrics do not answer: it hangs, or has ended", f"`mesh restart {name}`")
        for name, scrape in scrapes.items()
        if scrape is None
    ]
    answering = {name: scrape for name, scrape in scrapes.items() if scrape is not None}
    near = [finding for name, scrape in answering.items() for finding in _process(name, scrape)]
    if answering and not near:
        near = [Finding("ok", "limits", f"none of {len(answering)} processes is near a limit")]
    return [*silent, *near]


def _process(name: str, scrape: Scrape) -> Iterator[Finding]:
    handlers, most = (_number(scrape, one) for one in (catalogue.HANDLERS, catalogue.HANDLERS_MOST))
    if most and handlers >= _NEAR * most:
        yield _warning(name, f"runs {handlers:.0f} of {most:.0f} handlers at once", "start more of its processes")
    for service, is_open in scrape.by(catalogue.CIRCUIT_OPEN.name, "service").items():
        if is_open:
            what = f"the circuit breaker to {escaped(service)} is open"
            yield _warning(name, what, f"`mesh logs {escaped(service)}`: its calls fail or time out")
    if waiting := _number(scrape, catalogue.POOL_WAITING):
        what = f"{waiting:.0f} statements wait for a connection to the database"
        yield _warning(name, what, "look for slow statements, or let it have more connections")
    if (age := _number(scrape, catalogue.OUTBOX_AGE)) >= _OLD:
        what = f"an event has waited in the outbox for {age:.0f} s"
        yield _warning(name, what, "look at the streams: is one full, or without a leader?")
    hashing, room = (_number(scrape, one) for one in (catalogue.HASHING, catalogue.HASHING_ROOM))
    if room and hashing >= _NEAR * room:
        what = f"{hashing:.0f} passwords are hashed or wait, of {room:.0f} that it takes"
        yield _warning(name, what, "too many log in at once: start more of its processes")
    lag = quantile(None, scrape, catalogue.LOOP_LAG.name, 0.99)
    if (scrape.sum(f"{catalogue.LOOP_LAG.name}_count") or 0) < _ENOUGH:
        return  # the start blocks the loop, and counts for much
    if lag is not None and lag >= _LATE:
        what = f"its event loop is {lag:.1f} s late once in a hundred times"
        yield _warning(name, what, "give it more CPU, or look for work that blocks")


def _number(scrape: Scrape, metric: Metric) -> float:
    return scrape.sum(metric.shown) or 0.0


def _warning(about: str, what: str, do: str) -> Finding:
    return Finding("warning", escaped(about), what, do)
