"""What each user of nats.conf may say and hear, derived from subjects.py: no more than it needs."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import subjects
from mesh.core.endpoint import Endpoint
from mesh.core.event import Event
from mesh.wire.discovery import VERBS
from mesh.wire.names import QUEUE_GROUP
from subjects import (
    AUTH_JWKS,
    AUTH_KEYS_ROTATE,
    CUSTOMERS_GET_MANY,
    ENDPOINTS,
    EVENTS_AUTH_SESSIONS_REVOKED,
    PRODUCTS_GET_MANY,
)

BEGIN = "# >>> made of subjects.py by `mesh nats permissions --write`: a change here is lost"
END = "# <<< mesh nats permissions"
_WIDTH = 120

ANSWER_WITHIN: Final = 10
"""Seconds after which NATS no longer lets a worker answer: more than a call lasts and a worker that hangs is kept.

NATS keeps each reply subject that has not been answered for as long, and so fills its memory at the will of whoever may
ask: the shorter the better.
"""

EVENTS: list[Event[Any]] = [value for value in vars(subjects).values() if isinstance(value, Event)]
SERVICES = tuple(dict.fromkeys(endpoint.service for endpoint in ENDPOINTS))

# What is not for HTTP: for other services, and for operators.
_INNER = (AUTH_KEYS_ROTATE, CUSTOMERS_GET_MANY, PRODUCTS_GET_MANY)

CALLS: dict[str, Sequence[Endpoint[Any, Any]]] = {
    "gateway": [endpoint for endpoint in ENDPOINTS if endpoint not in _INNER],
    "customers": [AUTH_JWKS],  # the public keys with which it verifies a caller's token by itself
    "products": [AUTH_JWKS],
}
"""Which endpoints of others a process calls."""

HEARS: dict[str, Sequence[Event[Any]]] = {"gateway": [EVENTS_AUTH_SESSIONS_REVOKED]}
"""Which events of others a process listens to."""

READS = [endpoint for endpoint in ENDPOINTS if endpoint.idempotent and not endpoint.verified]
"""What changes nothing and tells nothing of one user's own: an operator may call it without a token."""


@dataclass(frozen=True)
class Permissions:
    """Subjects, with wildcards; of what is heard, also the queue group in which alone, after a space."""

    publish: Sequence[str]
    subscribe: Sequence[str]
    answers: bool = False
    """Whether it may answer what it hears, once and soon, wherever the caller wants the answer."""


def permissions() -> dict[str, Permissions]:
    """Those of every user of the mesh, by name."""
    return {
        "gateway": Permissions(
            publish=[*_subjects(CALLS["gateway"]), *(f"$SRV.PING.{service}" for service in SERVICES)],
            subscribe=["_INBOX_gateway.>", *_subjects(HEARS["gateway"])],
        ),
        **{service: _worker(service) for service in SERVICES},
        "operator": Permissions(
            # To rotate keys wants an administrator's token besides.
            publish=[*_subjects([*READS, AUTH_KEYS_ROTATE]), "$SRV.>"],
            subscribe=["_INBOX_operator.>", "events.>"],
        ),
    }


def _worker(service: str) -> Permissions:
    served = [endpoint.subject for endpoint in ENDPOINTS if endpoint.service == service]
    return Permissions(
        # Nothing that it hears: what it sent itself it might answer, and so say anything anywhere.
        publish=[*_subjects(CALLS.get(service, [])), *_events(service)],
        subscribe=[
            *(f"{subject} {QUEUE_GROUP}" for subject in served),
            # Verb by verb: where "$SRV.*" is allowed, nats-server lets "$SRV.>" pass, which is other services' as well.
            *(f"$SRV.{verb}{of}" for of in ("", f".{service}", f".{service}.*") for verb in VERBS),
            f"_INBOX_{service}.>",
        ],
        answers=True,
    )


def _subjects(declared: Iterable[Endpoint[Any, Any] | Event[Any]]) -> list[str]:
    return [one.subject for one in declared]


def _events(service: str) -> list[str]:
    return [event.subject for event in EVENTS if event.subject.split(".")[1] == service]


def block() -> str:
    """The part of nats.conf that says it, between its marks."""
    return "\n".join([BEGIN, *(_variable(user, allowed) for user, allowed in permissions().items()), END])


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


def replaced(configuration: str) -> str:
    """nats.conf with the block as it ought to be. Raises ValueError where its marks are not to be found."""
    before, begin, rest = configuration.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the marks of the permissions are not in it")
    return before + block() + after
