"""Writes that may be repeated: a request with an Idempotency-Key is executed once (docs/reference/wire.md, ADR 6)."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeVar

from mesh.core import context
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.core.errors import Conflict, Unavailable

KEPT: Final = timedelta(hours=24)
"""How long a key is good for."""

Repository = TypeVar("Repository")
Repository_co = TypeVar("Repository_co", covariant=True)
Result = TypeVar("Result")
Work = Callable[[Repository], Awaitable[bytes]]
Keep = Callable[[str, str, bytes, Work[Repository]], Awaitable[tuple[bytes, bytes] | None]]
"""Finds the digest and the reply that are kept in a scope under a key.

Where there are none, the repository's work makes the reply, in the same transaction. None where that is somebody else's
to do, who takes too long for us to wait.
"""


class Run(Protocol[Repository_co]):
    """Runs a repository's work in a transaction."""

    async def __call__(self, work: Callable[[Repository_co], Awaitable[Result]]) -> Result:
        """What the work returns."""


class Once(Generic[Repository]):
    """Runs a write of the repository once for each key; one without a key is run by `run`, or else as it is."""

    def __init__(self, repository: Repository, keep: Keep[Repository], run: Run[Repository] | None = None) -> None:
        self._repository = repository
        self._keep = keep
        self._run = run

    async def __call__(
        self, endpoint: Endpoint[Req, Rep], request: Req, work: Callable[[Repository], Awaitable[Rep]]
    ) -> Rep:
        """The reply, of now or of the first time.

        Keys are a user's own, on one subject; two payloads are the same where their contract says so, however they are
        written. A work that raises is not kept. Raises Conflict for another payload, Unavailable while the first
        request is at work.
        """
        current = context.current()
        if current is None or current.idempotency_key is None:
            return await (work(self._repository) if self._run is None else self._run(work))

        async def reply(repository: Repository) -> bytes:
            return endpoint.replies.dump_json(await work(repository))

        digest = hashlib.sha256(endpoint.requests.dump_json(request, exclude_unset=True)).digest()
        scope = f"{endpoint.subject} {current.caller.user_id if current.caller else ''}"
        kept = await self._keep(scope, current.idempotency_key, digest, reply)
        if kept is None:
            raise Unavailable("request_in_progress", "the first request with this Idempotency-Key is still at work")
        if kept[0] != digest:
            raise key_reused()
        return endpoint.replies.validate_json(kept[1])


def key_reused() -> Conflict:
    """What the caller hears who sends another payload under a key."""
    return Conflict("idempotency_key_reused", "this Idempotency-Key came with another payload before")
