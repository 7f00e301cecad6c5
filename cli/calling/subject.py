"""The argument SUBJECT of a command: completed by the shell, and corrected where it is misspelt."""

import difflib
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from mesh.core.endpoint import Endpoint
from subjects import ENDPOINTS, EVENTS


def _endpoints(incomplete: str) -> list[str]:
    return [one.subject for one in ENDPOINTS if one.subject.startswith(incomplete)]


def _all(incomplete: str) -> list[str]:
    return [*_endpoints(incomplete), *(one.subject for one in EVENTS if one.subject.startswith(incomplete))]


EndpointSubject = Annotated[
    str,
    typer.Argument(autocompletion=_endpoints, help="For example customers.get. `mesh subjects` lists all."),
]
AnySubject = Annotated[
    str,
    typer.Argument(autocompletion=_all, help="An endpoint or an event, for example customers.get."),
]


def endpoint_of(subject: str) -> Endpoint[Any, Any] | None:
    """The declared endpoint with this subject."""
    return next((one for one in ENDPOINTS if one.subject == subject), None)


def nearest(subject: str, known: Iterable[str]) -> str | None:
    """The known subject that is spelt most like this one."""
    return next(iter(difflib.get_close_matches(subject, list(known), n=1)), None)
