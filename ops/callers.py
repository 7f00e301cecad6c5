"""NATS users of callers outside the mesh: programs that call it and serve none of its subjects."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mesh.core.endpoint import Endpoint
from mesh.wire import validation
from ops.nkeys import PEOPLE
from subjects import ENDPOINTS

CALLERS: Final = Path(__file__).parents[1] / "callers.json"
"""The file of the callers. It holds no secret."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}")


class Caller(BaseModel):
    """A NATS user that sends requests, and answers none. Its inboxes are below `_INBOX_<name>.`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    calls: Annotated[tuple[str, ...], Field(min_length=1)]
    """The subjects of its requests."""


_FILE: Final = TypeAdapter(tuple[Caller, ...])


def may_be_called(endpoint: Endpoint[Any, Any]) -> bool:
    """Whether an outside caller may have the right to call it.

    It reads and needs no token, or its worker verifies the token of the end user. The rest is for processes of the
    mesh: a worker believes their Client-Address, and does what they say without a token.
    """
    return endpoint.verified or endpoint.read


def read_callers(path: Path = CALLERS, taken: Iterable[str] = ()) -> tuple[Caller, ...]:
    """The callers in the file; none without a file. `taken` are the names of the other users.

    Raises ValueError for a file that is damaged, or that gives a right which no outside caller may have.
    """
    if not path.exists():
        return ()
    try:
        callers = _FILE.validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path}: {validation.invalid_payload(error, path.read_bytes()).detail}") from None
    checked: tuple[Caller, ...] = ()
    for caller in callers:
        checked = with_caller(checked, caller, taken)
    return checked


def with_caller(callers: tuple[Caller, ...], new: Caller, taken: Iterable[str]) -> tuple[Caller, ...]:
    """The callers and a new one, in order of their names. Raises ValueError for one that may not be."""
    if not _NAME.fullmatch(new.name):
        raise ValueError(f"{new.name!r} is no name of a user: letters, digits and _, beginning with a small letter")
    if new.name in {*taken, *PEOPLE, *(caller.name for caller in callers)}:
        raise ValueError(f"there is a NATS user {new.name}")
    callable_ = {endpoint.subject for endpoint in ENDPOINTS if may_be_called(endpoint)}
    if wrong := [subject for subject in new.calls if subject not in callable_]:
        may = ", ".join(sorted(callable_))
        raise ValueError(f"an outside caller may not call {', '.join(wrong)}; it may call {may}")
    calls = tuple(dict.fromkeys(new.calls))
    return tuple(sorted((*callers, Caller(name=new.name, calls=calls)), key=lambda caller: caller.name))


def write_callers(path: Path, callers: tuple[Caller, ...]) -> None:
    """Replace the file."""
    path.write_text(_FILE.dump_json(callers, indent=2).decode() + "\n")
