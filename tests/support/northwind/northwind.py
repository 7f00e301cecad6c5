"""Northwind's rows as digests: what comes out of a service can be held against what should have gone in."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

_DIGESTS = Path(__file__).with_name("digests.json")
_NOT_NORTHWIND = {"version", "archived_at", "created_at", "updated_at"}

Item_co = TypeVar("Item_co", bound=BaseModel, covariant=True)
ListRequest = TypeVar("ListRequest", bound=BaseModel)


class Page(Protocol[Item_co]):
    """A reply of any list."""

    @property
    def items(self) -> tuple[Item_co, ...]: ...
    @property
    def next_cursor(self) -> str | None: ...


async def every(list_: Callable[[ListRequest], Awaitable[Page[Item_co]]], request: ListRequest) -> list[Item_co]:
    """All items, page after page."""
    items: list[Item_co] = []
    cursor: str | None = None
    while True:
        page = await list_(type(request)(**{**_given(request), "cursor": cursor}))
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items


def _given(request: BaseModel) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.model_fields_set}


def digests(table: str) -> dict[str, Any]:
    """What the table should be: `rows`, `sha256` of the whole, `by_key` of each row."""
    found: dict[str, Any] = json.loads(_DIGESTS.read_text())[table]
    return found


def digests_of(items: Iterable[BaseModel]) -> dict[str, Any]:
    """The same of these items, which come in the order of their keys."""
    rows = [_canonical(item) for item in items]
    return {
        "rows": len(rows),
        "sha256": hashlib.sha256("\n".join(rows).encode()).hexdigest(),
        "by_key": {row.partition("\x1f")[0]: hashlib.sha256(row.encode()).hexdigest()[:12] for row in rows},
    }


def _canonical(item: BaseModel) -> str:
    """Columns in the contract's order, key first, joined by U+001F."""
    return "\x1f".join(map(_cell, item.model_dump(exclude=_NOT_NORTHWIND).values()))


def _cell(value: object) -> str:
    match value:
        case None:
            return r"\N"
        case bool():
            return str(int(value))
        case Decimal():
            return format(value.normalize(), "f")
        case _:
            return str(value)
