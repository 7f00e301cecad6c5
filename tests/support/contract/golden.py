"""The golden files: see tests/contract/README.md."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ops.contracts.examples import sampled
from services import WORKERS
from tests.support.paths import ROOT

FOLDER: Final = ROOT / "tests" / "contract" / "examples"
_WORKERS: Final = frozenset(worker.name for worker in WORKERS)


@dataclass(frozen=True)
class Access:
    """Who may use a subject, as its golden file states it: by hand, and apart from subjects.py and services.py."""

    subject: str
    access: str
    """Which end user: `anyone`, `user` or `admin`."""
    routes: tuple[tuple[str, str], ...]
    """Method and path over HTTP, of each route."""
    callers: frozenset[str]
    """The NATS users that may send to it; `workers` are all workers but its own."""

    def may_send(self, user: str) -> bool:
        """Whether the NATS user may send to it."""
        is_other_worker = user in _WORKERS and user != self.subject.partition(".")[0]
        return user in self.callers or ("workers" in self.callers and is_other_worker)


@dataclass(frozen=True)
class Example:
    """A request, and the reply that it gets."""

    subject: str
    account: str | None
    request: Any
    reply: Any


@dataclass(frozen=True)
class Refusal:
    """A request, and the error that it gets; of so many at once, at least one does.

    `after`: what goes first, where there is such a thing; both go with one Idempotency-Key.
    """

    subject: str
    account: str | None
    request: Any
    code: str
    number: int
    reason: str
    fields: list[str]
    at_once: int = 1
    after: Any = None


@dataclass(frozen=True)
class EventExample:
    """What an event looks like on the wire."""

    subject: str
    payload: Any
    headers: dict[str, str]


def event_examples() -> dict[str, EventExample]:
    """Every event's example, by subject."""
    found = {}
    for path in sorted((FOLDER / "events").glob("*.json")):
        golden: dict[str, Any] = json.loads(path.read_bytes())
        _demand({"payload", "headers"}, golden, path.name)
        subject = path.name.removesuffix(".json")
        found[subject] = EventExample(subject, **golden)
    return found


def subjects() -> set[str]:
    """The subjects that have a golden file."""
    return {path.name.removesuffix(".json") for path in FOLDER.rglob("*.json") if path.parent.name != "events"}


def access() -> list[Access]:
    """Who may use each subject."""
    return [_access(subject) for subject in sorted(subjects())]


def _access(subject: str) -> Access:
    golden = _read(subject)
    http: str | list[str] = golden.get("http", [])
    routes = [line.split(" ") for line in ([http] if isinstance(http, str) else http)]
    return Access(
        subject, golden["access"], tuple((method, path) for method, path in routes), frozenset(golden["callers"])
    )


def routes() -> dict[tuple[str, str], Access]:
    """Who may use each route, by method and path."""
    return {route: one for one in access() for route in one.routes}


def is_routed(subject: str) -> bool:
    """Whether a route calls the subject."""
    return bool(_access(subject).routes)


def sample(subject: str) -> Any:  # noqa: ANN401  # any JSON
    """A reply as the subject's file shows it, with a value in the place of each placeholder."""
    return sampled(example(subject).reply)


def example(subject: str) -> Example:
    """The subject's example."""
    golden = _read(subject)
    return Example(subject, golden.get("as"), golden["request"], golden["reply"])


def examples() -> list[Example]:
    """Every subject's example."""
    return [example(subject) for subject in sorted(subjects())]


def refusals() -> list[Refusal]:
    """Every subject's errors."""
    return [refusal for subject in sorted(subjects()) for refusal in _refusals(subject)]


def _refusals(subject: str) -> Iterator[Refusal]:
    golden = _read(subject)
    for error in golden["errors"]:
        _demand({"request", "code", "number", "reason", "fields"}, error, f"one of the errors in {subject}.json")
        account = error.pop("as", golden.get("as"))
        yield Refusal(subject, account, **error)


def _read(subject: str) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads((FOLDER / subject.partition(".")[0] / f"{subject}.json").read_bytes())
    _demand({"access", "callers", "request", "reply", "errors"}, golden, f"{subject}.json")
    return golden


def _demand(names: set[str], given: dict[str, Any], where: str) -> None:
    if lacking := names - given.keys():
        raise ValueError(f"{where} lacks {', '.join(sorted(lacking))}")
