"""The permissions of each user of nats.conf, derived from subjects.py and services.py: the least that it needs."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesh.core.endpoint import Endpoint
from mesh.core.event import Event
from mesh.events.jetstream import FEED_PREFIX
from mesh.wire.discovery import VERBS
from mesh.wire.names import QUEUE_GROUP
from ops.callers import Caller
from ops.nkeys import CONSOLE, variable
from ops.process import Process
from ops.streams import DEAD_STREAM, EVENT_STREAM, FEED_STREAM, dead_subject, handlers, publisher, retry_subject
from subjects import AUTH_KEYS_ROTATE, ENDPOINTS, EVENTS

BEGIN = "# >>> made of subjects.py and services.py by `mesh nats permissions --write`: a change here is lost"
END = "# <<< mesh nats permissions"
BEGIN_USERS = f"      {BEGIN}"
END_USERS = f"      {END}"
_WIDTH = 120

ANSWER_WITHIN: Final = 10
"""Seconds for which NATS allows a worker to reply: more than the longest call.

NATS keeps each unanswered reply subject in memory for that long, so anyone who may send requests can fill its memory.
Keep it short.
"""

READS = [endpoint for endpoint in ENDPOINTS if endpoint.read and not endpoint.verified]
"""Endpoints that change nothing and reveal nothing personal: an operator may call them without a token."""


@dataclass(frozen=True)
class Permissions:
    """Subjects, with wildcards. A subscription may name the only allowed queue group after a space."""

    publish: Sequence[str]
    subscribe: Sequence[str]
    answers: bool = False
    """Whether the user may reply to what it receives: once per request, soon, on any reply subject."""


def permissions(
    processes: Iterable[Process], events: Iterable[Event[Any]] = EVENTS, callers: Iterable[Caller] = ()
) -> dict[str, Permissions]:
    """The permissions of every user of the mesh, by name."""
    rows, declared = tuple(processes), tuple(events)
    services = [row.name for row in rows if row.serves]
    return {
        **{row.name: _worker(row, declared) if row.serves else _gateway(row, services, declared) for row in rows},
        "operator": _operator(rows, "operator"),
        "deployer": _deployer(),
        CONSOLE: _operator(rows, CONSOLE),  # it does what an operator does
        **{caller.name: _caller(caller) for caller in callers},
    }


def _gateway(row: Process, services: Iterable[str], events: Iterable[Event[Any]]) -> Permissions:
    """It reads the feed, which holds only what users see; nobody but the server publishes there."""
    shown = any(event.shown for event in events)
    return Permissions(
        publish=[
            *_subjects(row.calls),
            *(f"$SRV.{verb}.{service}" for verb in ("PING", "INFO") for service in services),
            *(_api(f"DIRECT.GET.{FEED_STREAM}") if shown else ()),
        ],
        subscribe=[
            f"_INBOX_{row.name}.>",
            *_subjects(row.hears),
            *((f"{FEED_PREFIX}>",) if shown else ()),
        ],
    )


def _worker(row: Process, events: Iterable[Event[Any]]) -> Permissions:
    served = [endpoint.subject for endpoint in ENDPOINTS if endpoint.service == row.name]
    own = [event.subject for event in events if publisher(event) == row.name]
    return Permissions(
        # Never a subject that it subscribes to: it could reply to its own message, and so publish on any subject.
        publish=[*_subjects(row.calls), *own, *(_pulls(row.name) if row.handles else [])],
        subscribe=[
            *(f"{subject} {QUEUE_GROUP}" for subject in served),
            # One entry per verb: with "$SRV.*" nats-server also allows "$SRV.>", which includes other services.
            *(f"$SRV.{verb}{of}" for of in ("", f".{row.name}", f".{row.name}.*") for verb in VERBS),
            f"_INBOX_{row.name}.>",
            *_subjects(row.hears),
        ],
        answers=True,
    )


def _caller(caller: Caller) -> Permissions:
    return Permissions(publish=caller.calls, subscribe=[f"_INBOX_{caller.name}.>"])


def _pulls(service: str) -> list[str]:
    """What a service that handles events publishes for it: it reads from its own consumer alone."""
    return [
        f"$JS.API.CONSUMER.MSG.NEXT.{EVENT_STREAM}.{service}",
        f"$JS.ACK.{EVENT_STREAM}.{service}.>",
        dead_subject(service),
    ]


def _operator(rows: Iterable[Process], name: str) -> Permissions:
    return Permissions(
        publish=[
            # To rotate keys wants an administrator's token besides.
            *_subjects([*READS, AUTH_KEYS_ROTATE]),
            "$SRV.>",
            *_api("INFO", "STREAM.NAMES", "STREAM.LIST"),
            *_api(*_of_both("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET", "CONSUMER.NAMES", "CONSUMER.LIST")),
            *_api(f"DIRECT.GET.{EVENT_STREAM}.>", f"DIRECT.GET.{DEAD_STREAM}.>", f"CONSUMER.INFO.{EVENT_STREAM}.*"),
            # To have a dead letter handled once more is to publish it again, and to delete it.
            *_api(f"STREAM.MSG.DELETE.{DEAD_STREAM}"),
            *(retry_subject(row.name) for row in handlers(rows)),
        ],
        subscribe=[f"_INBOX_{name}.>", "events.>"],
    )


def _deployer() -> Permissions:
    """To read messages is to find the sequence from which a consumer starts again."""
    of_the_feed = ("STREAM.CREATE", "STREAM.UPDATE", "STREAM.INFO", "CONSUMER.LIST")
    of_consumers = [f"CONSUMER.{verb}.{EVENT_STREAM}.*" for verb in ("CREATE", "INFO", "DELETE", "RESET")]
    return Permissions(
        publish=[
            *_api("INFO", "STREAM.NAMES", "STREAM.LIST"),
            *_api(*_of_both("STREAM.CREATE", "STREAM.UPDATE", "STREAM.INFO", "CONSUMER.NAMES", "CONSUMER.LIST")),
            *_api(*of_consumers, f"DIRECT.GET.{EVENT_STREAM}"),
            *_api(*(f"{verb}.{FEED_STREAM}" for verb in of_the_feed)),
        ],
        subscribe=["_INBOX_deployer.>"],
    )


def _api(*verbs: str) -> list[str]:
    return [f"$JS.API.{verb}" for verb in verbs]


def _of_both(*verbs: str) -> list[str]:
    return [f"{verb}.{stream}" for verb in verbs for stream in (EVENT_STREAM, DEAD_STREAM)]


def _subjects(declared: Iterable[Endpoint[Any, Any] | Event[Any]]) -> list[str]:
    return [one.subject for one in declared]


def block(processes: Iterable[Process], events: Iterable[Event[Any]] = EVENTS, callers: Iterable[Caller] = ()) -> str:
    """The section of nats.conf with the permissions, including its marks."""
    allowed = permissions(processes, events, callers)
    return "\n".join([BEGIN, *(_variable(user, may) for user, may in allowed.items()), END])


def users(processes: Iterable[Process], callers: Iterable[Caller] = ()) -> str:
    """The section of nats.conf with the users, including its marks."""
    lines = [
        f"      {{ nkey: ${variable(user)}, permissions: ${user.upper()}_MAY }}"
        for user in permissions(processes, callers=callers)
    ]
    return "\n".join([BEGIN_USERS, *lines, END_USERS])


def _variable(user: str, allowed: Permissions) -> str:
    lines = [f"{user.upper()}_MAY: {{", *_list("publish", allowed.publish), *_list("subscribe", allowed.subscribe)]
    if allowed.answers:
        lines.append(f'  allow_responses: {{ max: 1, expires: "{ANSWER_WITHIN}s" }}')
    return "\n".join([*lines, "}"])


def _list(what: str, allowed: Sequence[str]) -> list[str]:
    if not allowed:  # NATS takes an empty list for all subjects
        return [f'  {what}: {{ deny: [">"] }}']
    # A no-break space keeps a subject and its queue group on one line.
    words = ", ".join(f'"{subject}"'.replace(" ", "\N{NO-BREAK SPACE}") for subject in allowed)
    filled = textwrap.wrap(words, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return [f"  {what}: {{ allow: [", *(line.replace("\N{NO-BREAK SPACE}", " ") for line in filled), "  ] }"]


def replaced(
    configuration: str,
    processes: Iterable[Process],
    events: Iterable[Event[Any]] = EVENTS,
    callers: Iterable[Caller] = (),
) -> str:
    """nats.conf with both sections up to date. Raises ValueError if their marks are missing."""
    rows, outside = tuple(processes), tuple(callers)
    permitted = _between(configuration, f"\n{BEGIN}\n", f"\n{END}\n", f"\n{block(rows, events, outside)}\n")
    return _between(permitted, f"\n{BEGIN_USERS}\n", f"\n{END_USERS}\n", f"\n{users(rows, outside)}\n")


def _between(text: str, first: str, last: str, made: str) -> str:
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError("the marks of the generated permissions are missing")
    return before + made + after
