"""Compares what two versions declare of each subject: endpoints and events."""

from collections.abc import Callable, Iterator
from typing import Final

from mesh.core.endpoint import Access
from ops.contracts.compatibility.comparing import Direction
from ops.contracts.compatibility.finding import Finding, Part, users
from ops.contracts.compatibility.forms import alternatives
from ops.contracts.compatibility.snapshot import Snapshot
from ops.contracts.compatibility.wording import compared
from ops.contracts.shapes import Schema
from ops.contracts.tree import EndpointContract, EventContract

_STRICTNESS: Final = {access.value: rank for rank, access in enumerate(Access)}
_LESS: Final[dict[str, str]] = {
    "max_request": "requests are limited to {new} bytes, before to {old}",
    "timeout_ms": "the timeout is {new} ms, before {old} ms",
}
"""Numbers that break when they fall."""
_WITHDRAWN: Final = {
    "idempotent": "it is no longer idempotent, so that a retry may take effect twice",
    "read": "it is no longer a read, so that a second instance must not be asked",
    "keyed": "it no longer keeps Idempotency-Keys",
}
_EVERY: Final = "every subject"


def subjects(old: Snapshot, new: Snapshot) -> list[Finding]:
    """What differs between two versions. Raises ValueError if a schema cannot be read."""
    return [*_endpoints(old, new), *_events(old, new), *_shared(old, new)]


def part_of_endpoint(endpoint: EndpointContract) -> Part:
    """The endpoint, and whom it breaks: who called it in the old version."""
    whom = users("caller", endpoint.callers)
    return Part(endpoint.subject, whom, f"a new subject {_next(endpoint.subject, most=4)}")


def _part_of_event(event: EventContract) -> Part:
    handlers, hearers = event.handlers, event.hearers
    kind = "handler" if handlers else "hearer" if hearers else "reader"
    return Part(event.subject, users(kind, handlers or hearers), f"a new event {_next(event.subject, most=3)}")


def _next(subject: str, most: int) -> str:
    """A subject for the next version beside this one, with `most` tokens."""
    stem, _, last = subject.rpartition(".")
    bare, _, number = last.rpartition("v")
    if number.isdecimal() and bare in ("", f"{bare[:-1]}_"):
        return f"{stem}.{bare}v{int(number) + 1}"
    return f"{subject}.v2" if subject.count(".") + 1 < most else f"{subject}_v2"


def _endpoints(old: Snapshot, new: Snapshot) -> Iterator[Finding]:
    before, after = old.contracts.endpoints, new.contracts.endpoints
    for subject, endpoint in before.items():
        part = part_of_endpoint(endpoint)
        if subject not in after:
            yield part.breaking("the endpoint is removed", "keep it")
            continue
        yield from _properties(endpoint, after[subject], part)
        yield from _reasons(endpoint, after[subject], part)
        for whole, direction, one, other in (
            ("the request", Direction.REQUEST, endpoint.request, after[subject].request),
            ("the reply", Direction.REPLY, endpoint.reply, after[subject].reply),
        ):
            yield from shapes(part, whole, direction, (one, other), (old, new))
    for subject in after.keys() - before.keys():
        yield Finding(subject, "the endpoint is new")


def _properties(old: EndpointContract, new: EndpointContract, part: Part) -> Iterator[Finding]:
    if _STRICTNESS.get(new.access, len(_STRICTNESS)) > _STRICTNESS.get(old.access, 0):
        yield part.breaking(f"access is {new.access}, before {old.access}", "keep the access")
    elif new.access != old.access:
        yield part.compatible(f"access is {new.access}, before {old.access}")
    if new.verified and not old.verified:
        yield part.breaking("the worker now verifies an access token", "take requests without one")
    for name, what in _WITHDRAWN.items():
        if getattr(old, name) and not getattr(new, name):
            yield part.breaking(what, f"keep it {name}" if name != "read" else "keep it a read")
        elif getattr(new, name) and not getattr(old, name):
            yield part.compatible(f"it is now {name}" if name != "read" else "it is now a read")
    for name, what in _LESS.items():
        yield from _number(part, what, getattr(old, name), getattr(new, name), breaking=int.__lt__)
    what = "replies may have {new} bytes, before {old}"
    yield from _number(part, what, old.max_reply, new.max_reply, breaking=int.__gt__)


def _number(part: Part, what: str, old: int, new: int, breaking: Callable[[int, int], bool]) -> Iterator[Finding]:
    said = what.format(old=old, new=new)
    if new != old:
        yield part.breaking(said, "keep the limit") if breaking(new, old) else part.compatible(said)


def _reasons(old: EndpointContract, new: EndpointContract, part: Part) -> Iterator[Finding]:
    for reason, code in old.reasons.items():
        if reason not in new.reasons:
            yield part.compatible(f"the reason {reason} is removed")
        elif new.reasons[reason] != code:
            what = f"the code of the reason {reason} is {new.reasons[reason]}, before {code}"
            yield part.breaking(what, "give a new reason")
    for reason in new.reasons.keys() - old.reasons.keys():
        yield part.compatible(f"the reason {reason} is new, and readers expect reasons that they do not know")


def shapes(
    part: Part, whole: str, direction: Direction, schemas: tuple[Schema, Schema], sides: tuple[Snapshot, Snapshot]
) -> Iterator[Finding]:
    """What differs between two schemas of the subjects."""
    return compared(part, whole, direction, schemas, (sides[0].shapes, sides[1].shapes))


def _events(old: Snapshot, new: Snapshot) -> Iterator[Finding]:
    before, after = old.contracts.events, new.contracts.events
    for subject, event in before.items():
        part = _part_of_event(event)
        if subject not in after:
            yield part.breaking("the event is removed", "keep publishing it")
            continue
        if event.durable and not after[subject].durable:
            yield part.breaking("the event is no longer durable, so that it may be missed", "keep it durable")
        schemas = (event.payload, after[subject].payload)
        yield from shapes(part, "the event", Direction.REPLY, schemas, (old, new))
    for subject in after.keys() - before.keys():
        yield Finding(subject, "the event is new")


def _shared(old: Snapshot, new: Snapshot) -> Iterator[Finding]:
    """The problem document and the headers, which all subjects share."""
    part = Part(_EVERY, "every caller and reader", "a new header or field")
    yield from shapes(
        part, "the problem document", Direction.REPLY, (old.contracts.problem, new.contracts.problem), (old, new)
    )
    for kind, schema in old.contracts.headers.items():
        whole = f"the headers of {'an' if kind[0] in 'aeiou' else 'a'} {kind.replace('_', ' ')}"
        if kind not in new.contracts.headers:
            yield part.breaking(f"{whole} are no longer declared", "keep them")
            continue
        schemas = (schema, new.contracts.headers[kind])
        if kind == "request":
            forms = [alternatives(one, side.shapes) for one, side in zip(schemas, (old, new), strict=True)]
            known = _known_headers(forms[0][0], forms[1][0]) if all(forms) else schemas
            yield from shapes(part, whole, Direction.REQUEST, known, (old, new))
        else:
            yield from shapes(part, whole, Direction.REPLY, schemas, (old, new))


def _known_headers(old: Schema, new: Schema) -> tuple[Schema, Schema]:
    """Both without the new headers: nobody else uses their names, although other headers are free."""
    names = old.get("properties", {}).keys()
    return old, {**new, "properties": {name: one for name, one in new.get("properties", {}).items() if name in names}}
