"""`ids=`: the items of a list by id, in the order of the request (ADR 38)."""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Annotated, Final, Protocol, TypeVar

from pydantic import Field

from contracts.base import LONGEST_PAGE, Form
from gateway.api.schemas import Query
from mesh.core.errors import FieldError, Invalid
from mesh.wire.field_reasons import FieldReason

_MOST: Final = LONGEST_PAGE - 1
_LARGEST: Final = 2**31 - 1
_WORDS: Final = f"must be up to {LONGEST_PAGE} ids, separated by commas"
_ABOUT: Final = (
    f"Up to {LONGEST_PAGE} ids, separated by commas. Unknown ids are left out. No other filter goes with it."
)

Numbers = Annotated[
    Annotated[str, Form(rf"^[1-9][0-9]{{0,9}}(,[1-9][0-9]{{0,9}}){{0,{_MOST}}}$", _WORDS)] | None,
    Field(description=_ABOUT, examples=["1,2,3"]),
]
Letters = Annotated[
    Annotated[str, Form(rf"^[A-Za-z]{{5}}(,[A-Za-z]{{5}}){{0,{_MOST}}}$", _WORDS)] | None,
    Field(description=_ABOUT, examples=["ALFKI,ANATR"]),
]

_Item = TypeVar("_Item")
_Listed_co = TypeVar("_Listed_co", covariant=True)
_Key = TypeVar("_Key", bound=Hashable)


class Page(Protocol[_Listed_co]):
    """A page of a list."""

    @property
    def items(self) -> tuple[_Listed_co, ...]:
        """At most LONGEST_PAGE."""

    @property
    def next_cursor(self) -> str | None:
        """Where the next page starts."""


def picked(query: Query) -> list[str] | None:
    """The different ids in the query; None for a list by filters. Raises Invalid for both together."""
    ids: str | None = getattr(query, "ids", None)
    if ids is None:
        return None
    if query.model_fields_set != {"ids"}:
        why = FieldError(field="ids", reason=FieldReason.NOT_ALLOWED, message="cannot go with filters or pages")
        raise Invalid("invalid_request", f"{why.field}: {why.message}", [why])
    return list(dict.fromkeys(ids.upper().split(",")))


def numbers(ids: Iterable[str]) -> tuple[int, ...]:
    """The ids as numbers, without those that no row can have."""
    return tuple(number for number in map(int, ids) if number <= _LARGEST)


async def find(
    ids: Sequence[_Key], read: Callable[[str | None], Awaitable[Page[_Item]]], key: Callable[[_Item], _Key]
) -> tuple[_Item, ...]:
    """The items with these ids of a list that has no read by several ids: whole pages, until all are found.

    `read` reads the page behind a cursor.
    """
    wanted, found, cursor = set(ids), dict[_Key, _Item](), None
    while wanted:
        page = await read(cursor)
        found |= {key(item): item for item in page.items if key(item) in wanted}
        wanted -= found.keys()
        if (cursor := page.next_cursor) is None:
            break
    return tuple(found[one] for one in ids if one in found)
