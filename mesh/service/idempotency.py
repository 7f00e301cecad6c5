"""Idempotent writes: a request with an Idempotency-Key is executed once (docs/reference/wire.md, ADR 6)."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic_core import to_json

from mesh.core import context
from mesh.core.context import Context
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.core.errors import Conflict, Unavailable

KEPT: Final = timedelta(hours=24)
"""How long a key is kept."""
KEY_REUSED: Final = "idempotency_key_reused"
"""The reason of the fault for another payload under a used key."""

Repository = TypeVar("Repository")
Repository_co = TypeVar("Repository_co", covariant=True)
Result = TypeVar("Result")
Work = Callable[[Repository], Awaitable[bytes]]
Keep = Callable[[str, str, bytes, Work[Repository]], Awaitable[tuple[bytes, bytes] | None]]
"""Returns the digest and the reply that are stored in a scope under a key.

If there are none, it runs the repository's work and stores its reply in the same transaction. None if another process
still runs that work after a bounded wait.
"""
Find = Callable[[str, str], Awaitable[tuple[bytes, bytes] | None]]
"""Returns the digest and the reply that are stored in a scope under a key; None if there are none."""


class Run(Protocol[Repository_co]):
    """Runs a repository's work in a transaction."""

    async def __call__(self, work: Callable[[Repository_co], Awaitable[Result]]) -> Result:
        """What the work returns."""


class IdempotentWrites(Generic[Repository]):
    """Runs a write once for each Idempotency-Key. A write without a key always runs: in `run`, if given."""

    def __init__(
        self,
        repository: Repository,
        keep: Keep[Repository],
        run: Run[Repository] | None = None,
        find: Find | None = None,
    ) -> None:
        """`find` is needed by `answered` alone."""
        self._repository = repository
        self._keep = keep
        self._run = run
        self._find = find

    async def answered(self, endpoint: Endpoint[Req, Rep], request: Req) -> Rep | None:
        """The stored reply of the request, or None. For what calls another service before its write.

        Raises Conflict for another payload.
        """
        current = context.current()
        if self._find is None or current is None or current.idempotency_key is None:
            return None
        kept = await self._find(_scope(endpoint, current), current.idempotency_key)
        return None if kept is None else _same(endpoint, request, kept)

    async def __call__(
        self, endpoint: Endpoint[Req, Rep], request: Req, work: Callable[[Repository], Awaitable[Rep]]
    ) -> Rep:
        """The reply of this run, or the stored one.

        A key belongs to one user and one subject. Two payloads are the same if their parsed requests are. A write that
        raises is not stored. Raises Conflict for another payload, Unavailable while the first request still runs.
        """
        current = context.current()
        if current is None or current.idempotency_key is None:
            return await (work(self._repository) if self._run is None else self._run(work))

        async def reply(repository: Repository) -> bytes:
            return endpoint.replies.dump_json(await work(repository))

        kept = await self._keep(
            _scope(endpoint, current), current.idempotency_key, payload_digest(endpoint, request), reply
        )
        if kept is None:
            raise Unavailable("request_in_progress", "the first request with this Idempotency-Key is still running")
        return _same(endpoint, request, kept)


def _scope(endpoint: Endpoint[Req, Rep], current: Context) -> str:
    return f"{endpoint.subject} {current.caller.user_id if current.caller else ''}"


def _same(endpoint: Endpoint[Req, Rep], request: Req, kept: tuple[bytes, bytes]) -> Rep:
    """The stored reply. Raises Conflict if it is that of another payload."""
    digest, reply = kept
    if digest != payload_digest(endpoint, request) and digest != _older_digest(endpoint, request):
        raise key_reused()
    return endpoint.replies.validate_json(reply)


def payload_digest(endpoint: Endpoint[Req, Any], request: Req) -> bytes:
    """SHA-256 of the request as canonical JSON (RFC 8785), without the fields that were left out.

    Requests have no fractions, and their names are ASCII. For these, pydantic's writer needs only sorted names.
    """
    members = endpoint.requests.serializer.to_python(request, mode="json", exclude_unset=True)
    return hashlib.sha256(to_json(_sorted(members))).digest()


def _sorted(value: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def _older_digest(endpoint: Endpoint[Req, Any], request: Req) -> bytes:
    """The digest that a key was kept with before ADR 29. The last such key expires a day after the update."""
    return hashlib.sha256(endpoint.requests.dump_json(request, exclude_unset=True)).digest()


def key_reused() -> Conflict:
    """The fault for another payload under a used key."""
    return Conflict(KEY_REUSED, "this Idempotency-Key was used with another payload")
