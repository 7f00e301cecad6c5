"""Asks every instance for its statistics, and notices one that stops answering."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from mesh.client.discover import ask_all
from mesh.core.errors import CallError
from mesh.core.terminal import escaped
from mesh.transport.base import Transport
from mesh.wire.discovery import EndpointDocument, InstanceDocument

State = Literal["ready", "not ready", "gone"]

WITHIN: Final = 0.5
FORGOTTEN_AFTER: Final = 30.0
"""Seconds for which an instance that is gone is shown."""
MOST_ENDPOINTS: Final = 200


@dataclass(frozen=True)
class EndpointRates:
    """One endpoint of an instance, over the last seconds."""

    subject: str
    requests: int
    errors: int
    rate: float
    """Requests a second."""
    error_rate: float
    ms: float | None
    """Mean milliseconds of a request; None without any."""
    last_error: str


@dataclass(frozen=True)
class Instance:
    """One instance of a service, as it last answered."""

    service: str
    id: str
    version: str
    state: State
    why: str
    """Why it is not ready, or how it ended."""
    since: float
    """Unix time of its last change of state."""
    started: str
    reconnects: str
    endpoints: tuple[EndpointRates, ...] = ()

    @property
    def rate(self) -> float:
        """Requests a second over all endpoints."""
        return sum(one.rate for one in self.endpoints)

    @property
    def error_rate(self) -> float:
        """Errors a second over all endpoints."""
        return sum(one.error_rate for one in self.endpoints)


@dataclass
class _Counts:
    at: float
    by_subject: dict[str, tuple[int, int, int]] = field(default_factory=dict)


class Instances:
    """The instances that answer, and those that stopped answering a short while ago."""

    def __init__(self, transport: Transport, clock: Callable[[], float] = time.time) -> None:
        self._transport = transport
        self._clock = clock
        self._known: dict[tuple[str, str], Instance] = {}
        self._counts: dict[tuple[str, str], _Counts] = {}
        self.reachable = True
        """Whether NATS took the last question."""

    @property
    def all(self) -> list[Instance]:
        """Every known instance, sorted by service and id."""
        return sorted(self._known.values(), key=lambda one: (one.service, one.id))

    async def poll(self, ended: Mapping[str, str] | None = None, *, statistics: bool = True) -> None:
        """Ask once. `ended` says how the last process of a service ended, by service.

        Without `statistics` the instances say only that they are there, and whether they are ready. This costs a mesh
        a tenth, so it can be asked often. The rates stay as they were.
        """
        alive = {key for key, one in self._known.items() if one.state != "gone"}
        try:
            documents = await ask_all(
                self._transport,
                "STATS" if statistics else "PING",
                WITHIN,
                lambda found: bool(alive) and alive <= {(one.name, one.id) for one in found},
            )
        except CallError:
            self.reachable = False
            return
        self.reachable = True
        self._take(documents, ended or {}, statistics=statistics)

    def _take(self, documents: Iterable[InstanceDocument], ended: Mapping[str, str], *, statistics: bool) -> None:
        now = self._clock()
        answered = {(one.name, one.id): one for one in documents}
        for key, document in answered.items():
            self._known[key] = self._counted(key, document, now) if statistics else self._answered(key, document, now)
        for key, known in list(self._known.items()):
            if key in answered:
                continue
            if known.state != "gone":
                why = ended.get(known.service, "") or "does not answer any more"
                self._known[key] = replace(known, state="gone", why=escaped(why[:200]), since=now, endpoints=())
                self._counts.pop(key, None)
            elif now - known.since > FORGOTTEN_AFTER:
                del self._known[key]

    def _answered(self, key: tuple[str, str], document: InstanceDocument, now: float) -> Instance:
        """The instance as it says it is, with the rates and the start that are known of it."""
        state: State = "ready" if document.ready else "not ready"
        before = self._known.get(key)
        return Instance(
            service=escaped(document.name),
            id=escaped(document.id),
            version=escaped(document.version[:50]),
            state=state,
            why="" if document.ready else document.reason,
            since=before.since if before and before.state == state else now,
            started=before.started if before else "",
            reconnects=escaped(document.reconnects[:20]),
            endpoints=before.endpoints if before else (),
        )

    def _counted(self, key: tuple[str, str], document: InstanceDocument, now: float) -> Instance:
        """The same, with the rates since the last statistics."""
        last, counts = self._counts.get(key), _Counts(now)
        rates = []
        for one in document.endpoints[:MOST_ENDPOINTS]:
            counts.by_subject[one.subject] = (one.num_requests, one.num_errors, one.processing_time)
            rates.append(_rates(one, last, now))
        self._counts[key] = counts
        started = escaped(document.started[:40])
        return replace(self._answered(key, document, now), started=started, endpoints=tuple(rates))


def _rates(one: EndpointDocument, last: _Counts | None, now: float) -> EndpointRates:
    requests, errors, nanoseconds = (last.by_subject.get(one.subject) if last else None) or (
        one.num_requests,
        one.num_errors,
        one.processing_time,
    )
    seconds = max(now - last.at, 1e-3) if last else 1.0
    more = max(0, one.num_requests - requests)
    return EndpointRates(
        subject=escaped(one.subject[:200]),
        requests=one.num_requests,
        errors=one.num_errors,
        rate=more / seconds,
        error_rate=max(0, one.num_errors - errors) / seconds,
        ms=max(0, one.processing_time - nanoseconds) / more / 1e6 if more else None,
        last_error=escaped(one.last_error[:200]),
    )
