"""What each user of nats.conf may say and hear, derived from subjects.py and services.py: no more than it needs."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import subjects
from mesh.core.endpoint import Endpoint
from mesh.core.event import Event
from mesh.wire.discovery import VERBS
from mesh.wire.names import QUEUE_GROUP
from ops.nkeys import variable
from ops.process import Process
from subjects import AUTH_KEYS_ROTATE, ENDPOINTS

BEGIN = "# >>> made of subjects.py and services.py by `mesh nats permissions --write`: a change here is lost"
END = "# <<< mesh nats permissions"
BEGIN_USERS = f"      {BEGIN}"
END_USERS = f"      {END}"
_WIDTH = 120

ANSWER_WITHIN: Final = 10
"""Seconds after which NATS no longer lets a worker answer: more than a call lasts and a worker that hangs is kept.

NATS keeps each reply subject that has not been answered for as long, and so fills its memory at the will of whoever may
ask: the shorter the better.
"""

EVENTS: list[Event[Any]] = [value for value in vars(subjects).values() if isinstance(value, Event)]
READS = [endpoint for endpoint in ENDPOINTS if endpoint.read and not endpoint.verified]
"""What changes nothing and tells nothing of one user's own: an operator may call it without a token."""


@dataclass(frozen=True)
class Permissions:
    """Subjects, with wildcards; of what is heard, also the queue group in which alone, after a space."""

    publish: Sequence[str]
    subscribe: Sequence[str]
    answers: bool = False
    """Whether it may answer what it hears, once and soon, wherever the caller wants the answer."""


def permissions(processes: Iterable[Process]) -> dict[str, Permissions]:
    """Those of every user of the mesh, by name."""
    rows = tuple(processes)
    services = [row.name for row in rows if row.serves]
    return {
        **{row.name: _worker(row) if row.serves else _gateway(row, services) for row in rows},
        "operator": Permissions(
            # To rotate keys wants an administrator's token besides.
            publish=[*_subjects([*READS, AUTH_KEYS_ROTATE]), "$SRV.>"],
            subscribe=["_INBOX_operator.>", "events.>"],
        ),
    }


def _gateway(row: Process, services: Iterable[str]) -> Permissions:
    return Permissions(
        publish=[*_subjects(row.calls), *(f"$SRV.PING.{service}" for service in services)],
        subscribe=[f"_INBOX_{row.name}.>", *_subjects(row.hears)],
    )


def _worker(row: Process) -> Permissions:
    served = [endpoint.subject for endpoint in ENDPOINTS if endpoint.service == row.name]
    return Permissions(
        # Nothing that it hears: what it sent itself it might answer, and so say anything anywhere.
        publish=[*_subjects(row.calls), *_events(row.name)],
        subscribe=[
            *(f"{subject} {QUEUE_GROUP}" for subject in served),
            # Verb by verb: where "$SRV.*" is allowed, nats-server lets "$SRV.>" pass, which is other services' as well.
            *(f"$SRV.{verb}{of}" for of in ("", f".{row.name}", f".{row.name}.*") for verb in VERBS),
            f"_INBOX_{row.name}.>",
            *_subjects(row.hears),
        ],
        answers=True,
    )


def _subjects(declared: Iterable[Endpoint[Any, Any] | Event[Any]]) -> list[str]:
    return [one.subject for one in declared]


def _events(service: str) -> list[str]:
    return [event.subject for event in EVENTS if event.subject.split(".")[1] == service]


def block(processes: Iterable[Process]) -> str:
    """The part of nats.conf that says it, between its marks."""
    return "\n".join([BEGIN, *(_variable(user, allowed) for user, allowed in permissions(processes).items()), END])


def users(processes: Iterable[Process]) -> str:
    """The part of nats.conf that names the users, between its marks."""
    lines = [
        f"      {{ nkey: ${variable(user)}, permissions: ${user.upper()}_MAY }}" for user in permissions(processes)
    ]
    return "\n".join([BEGIN_USERS, *lines, END_USERS])


def _variable(user: str, allowed: Permissions) -> str:
    lines = [f"{user.upper()}_MAY: {{", *_list("publish", allowed.publish), *_list("subscribe", allowed.subscribe)]
    if allowed.answers:
        lines.append(f'  allow_responses: {{ max: 1, expires: "{ANSWER_WITHIN}s" }}')
    return "\n".join([*lines, "}"])


def _list(what: str, allowed: Sequence[str]) -> list[str]:
    # A no-break space keeps a subject and its queue group on one line.
    words = ", ".join(f'"{subject}"'.replace(" ", "\N{NO-BREAK SPACE}") for subject in allowed)
    filled = textwrap.wrap(words, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return [f"  {what}: {{ allow: [", *(line.replace("\N{NO-BREAK SPACE}", " ") for line in filled), "  ] }"]


def replaced(configuration: str, processes: Iterable[Process]) -> str:
    """nats.conf with both parts as they ought to be. Raises ValueError where the marks of one are not to be found."""
    rows = tuple(processes)
    permitted = _between(configuration, f"\n{BEGIN}\n", f"\n{END}\n", f"\n{block(rows)}\n")
    return _between(permitted, f"\n{BEGIN_USERS}\n", f"\n{END_USERS}\n", f"\n{users(rows)}\n")


def _between(text: str, first: str, last: str, made: str) -> str:
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError("the marks of the permissions are not in it")
    return before + made + after
