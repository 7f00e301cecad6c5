"""How a request imports rows: read as they arrive, sent to the service in groups, and answered line by line."""

import asyncio
import hashlib
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic_core import from_json, to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.dependencies import dependencies
from gateway.problems import answer
from gateway.routing.guard import caller
from mesh.core import context
from mesh.core.context import keyed, working_on
from mesh.core.endpoint import Access
from mesh.core.errors import BadReply, MeshError, TimedOut
from mesh.security.verifier import require_access

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)
Answer = Mapping[str, Any]
"""What became of a row: its `outcome` and more."""

_OUTCOME: Final = "outcome"
_PART: Final = 4096
"""Bytes that are read without a pause. Each may be a row."""


@dataclass(frozen=True)
class Row(Generic[Item_co]):
    """A row of the body: an item for the service, or the answer to a row that is refused here."""

    line: int
    """Where it begins, from 1."""
    item: Item_co | None
    refusal: Answer | None = None


class Rows(Protocol[Item_co]):
    """Reads the rows of a body."""

    @property
    def line(self) -> int:
        """Where the next row begins."""

    def feed(self, piece: bytes) -> Iterator[Row[Item_co]]:
        """The rows that this piece of the body completes. Raises Fault if no row behind can be read."""

    def end(self) -> Iterator[Row[Item_co]]:
        """The rows that the end of the body completes. Raises Fault."""


@dataclass
class Import(Generic[Item]):
    """The import of one request."""

    request: Request
    rows: Rows[Item]
    send: Callable[[Sequence[Item]], Awaitable[Iterable[Answer]]]
    """Has the service take up to `most` items, all of them or none. Returns the answers in their order."""
    most: int
    access: Access
    """Checked before each call: an import takes long."""
    outcomes: Iterable[str]
    """Counted in the last line."""
    about: Mapping[str, Any]
    """What else the last line says."""
    _counts: Counter[str] = field(default_factory=Counter)
    _sent: int = 0

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """NDJSON: a line for each row, then one with the totals. Raises a fault that comes before the first line.

        After a later one, the last line says from which row on nothing was answered.
        """
        self._end = self._now() + dependencies(self.request).limits.gateway_import_timeout
        self._key = _group_key()
        group: list[Row[Item]] = []
        begun, incomplete = False, None
        try:
            async for row in self._read():
                group.append(row)
                if len(group) == self.most:
                    yield await self._answered(group)
                    begun, group = True, []
            if group:
                yield await self._answered(group)
        except (MeshError, HTTPException) as fault:
            if not begun:
                raise
            problem = await answer(self.request, fault)
            line = group[0].line if group else self.rows.line
            incomplete = {"from_line": line, "problem": from_json(bytes(problem.body))}
        counts = {outcome: self._counts[outcome] for outcome in self.outcomes}
        yield to_json({**counts, **self.about, "incomplete": incomplete}) + b"\n"

    async def _read(self) -> AsyncGenerator[Row[Item], None]:
        pieces = self.request.stream()
        more = True
        while more:
            with working_on(self._soon()):
                piece = await anext(pieces, None)
            more = piece is not None
            for rows in [self.rows.end()] if piece is None else map(self.rows.feed, _parts(piece)):
                await self._turn()
                for row in rows:
                    yield row

    async def _answered(self, group: Sequence[Row[Item]]) -> bytes:
        """The lines of these rows, once the service has taken them."""
        items = [row.item for row in group if row.item is not None]
        answers: Sequence[Answer] = ()
        if not items:
            await self._turn()
        else:
            self._sent += 1
            with working_on(self._soon()), keyed(f"{self._key}-{self._sent}"):
                require_access(self.access, await caller(self.request))
                answers = [*await self.send(items)]
        if len(answers) != len(items):
            raise BadReply(f"{len(answers)} answers to {len(items)} rows")
        given = iter(answers)
        lines = [{"line": row.line, **(row.refusal or next(given))} for row in group]
        self._counts.update(line[_OUTCOME] for line in lines)
        return b"".join(to_json(line) + b"\n" for line in lines)

    async def _turn(self) -> None:
        """Let other requests have their turn: rows that are refused here wait for nothing. Raises TimedOut."""
        await asyncio.sleep(0)
        if self._now() >= self._end:
            raise TimedOut("deadline_exceeded", "the import took too long")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _soon(self) -> context.Context:
        """The current request with time for its next step, as long as the import has time."""
        step = self._now() + dependencies(self.request).limits.gateway_timeout
        return context.in_request()._replace(deadline=min(step, self._end))


def _parts(piece: bytes) -> Iterator[bytes]:
    """A piece of the body in parts that take little time to read."""
    return (piece[begin : begin + _PART] for begin in range(0, len(piece), _PART))


def _group_key() -> str:
    """The beginning of the Idempotency-Keys of the groups: from the client's key, so that its retry is one of each."""
    key = context.in_request().idempotency_key
    return uuid.uuid4().hex if key is None else hashlib.sha256(key.encode()).hexdigest()
