"""The id of this instance of a service: the same in discovery, logs and traces."""

import secrets
from contextvars import ContextVar

_own: ContextVar[str | None] = ContextVar("mesh_instance", default=None)


def begin_instance() -> str:
    """Make a new id that of the rest of this process, and return it."""
    made = secrets.token_hex(8)
    _own.set(made)
    return made


def instance_id() -> str:
    """The id of this process, or a new one in a process that has none: a test may run several instances."""
    return _own.get() or secrets.token_hex(8)
