"""The whole diagnosis, from what an operator's NATS user may see."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from mesh.client.discover import ask_all
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from mesh.telemetry.scrape import Scrape
from mesh.transport.base import Transport
from ops.diagnosis.finding import Declared, Finding, worst_first
from ops.diagnosis.keys import signing_keys
from ops.diagnosis.numbers import numbers
from ops.diagnosis.services import contracts, services, stores
from ops.diagnosis.streams import stored
from ops.jetstream import JetStream
from ops.streams import streams

_WITHIN: Final = 2.0
NO_SCRAPES: Final[Mapping[str, Scrape | None]] = {}


async def examine(
    transport: Transport,
    declared: Declared,
    within: float = 0.5,
    scrapes: Mapping[str, Scrape | None] = NO_SCRAPES,
    clock: Callable[[], float] = time.time,
) -> list[Finding]:
    """Every finding, the worst first.

    `scrapes` has the metrics of each process, or None for one that does not answer. Raises CallError if NATS does not
    answer.
    """
    documents = await ask_all(transport, "INFO", within)
    jetstream = JetStream(transport, within=_WITHIN)
    found = [
        Finding("ok", "NATS", "answers"),
        *services(documents, declared),
        *stores(documents, declared.processes),
        *contracts(documents, declared.endpoints),
        *await _asked("streams", lambda: stored(jetstream, streams(declared.processes, declared.events), clock)),
        *await _asked("keys", lambda: signing_keys(transport)),
        *numbers(scrapes),
    ]
    return worst_first(found)


async def _asked(about: str, ask: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    """The findings, or one that says why there are none."""
    try:
        return await ask()
    except MeshError as error:
        what = f"cannot be read: {escaped(str(error)[:200])}"
        return [Finding("error", about, what, "look at the log of nats-server")]
