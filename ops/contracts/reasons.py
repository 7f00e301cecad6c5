"""Makes reasons.json: why a request may be refused, for programs and for people."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from mesh.core.errors import Code
from mesh.core.reasons import COMMON, KEYED, VERIFIED
from ops.contracts.document import Declared

Group = Literal["all", "verified", "keyed"]

_ROW: Final = re.compile(r"^\| `(\w+)` \| (\d{3}) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_LINK: Final = re.compile(r"\[([^]]+)\]\([^)]+\)")
_RETRYABLE: Final = frozenset({408, 429, 503, 504})
"""The statuses of reasons that are retryable. A test compares them with the code of every fault."""
_SHARED: Final[Mapping[Group, Mapping[str, Code]]] = {"all": COMMON, "verified": VERIFIED, "keyed": KEYED}


@dataclass(frozen=True)
class ReasonEntry:
    """One reason: the same code wherever it is given."""

    reason: str
    code: Code
    number: int
    """Of `Nats-Service-Error-Code`."""
    http: int
    """The status at the gateway."""
    retryable: bool
    text: str
    """What it means: one sentence or more for people."""
    what_to_do: str
    """The same, of what a caller does then."""
    shared_by: Group | None
    """The endpoints that may give it without declaring it: `all`, or those that are `verified` or `keyed`."""
    subjects: tuple[str, ...]
    """The endpoints that declare it."""


@dataclass(frozen=True)
class Meaning:
    """What errors.md says of a reason."""

    http: int
    text: str
    what_to_do: str

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later: as its status says."""
        return self.http in _RETRYABLE


_UNTOLD: Final = Meaning(0, "", "")


def meanings(page: Path) -> dict[str, Meaning]:
    """The HTTP status, the meaning and the advice of each reason, from the tables of errors.md.

    Raises ValueError if the page cannot be read.
    """
    try:
        text = page.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{page}: {error}") from None
    rows = _ROW.findall(text)
    return {name: Meaning(int(http), _plain(meaning), _plain(advice)) for name, http, meaning, advice in rows}


def _plain(cell: str) -> str:
    return _LINK.sub(r"\1", cell)


def catalogue(declared: Declared, told: Mapping[str, Meaning]) -> dict[str, ReasonEntry]:
    """Every reason that a worker may give, by name. Raises ValueError for one that `told` lacks."""
    found = dict(sorted(_entries(declared, told)))
    if lacking := sorted(found.keys() - told.keys()):
        raise ValueError(f"docs/reference/errors.md lacks {', '.join(lacking)}")
    return found


def _entries(declared: Declared, told: Mapping[str, Meaning]) -> Iterator[tuple[str, ReasonEntry]]:
    codes = {reason.value: Code(reason.code) for one in declared.endpoints for reason in one.reasons}
    groups = {name: group for group, shared in _SHARED.items() for name in shared}
    for name, code in {**codes, **COMMON, **VERIFIED, **KEYED}.items():
        meaning = told.get(name, _UNTOLD)
        subjects = tuple(one.subject for one in declared.endpoints if name in {r.value for r in one.reasons})
        yield (
            name,
            ReasonEntry(
                *(name, code, code.number, meaning.http, code.retryable),
                *(meaning.text, meaning.what_to_do, groups.get(name), subjects),
            ),
        )


def document(entries: Mapping[str, ReasonEntry], told: Mapping[str, Meaning]) -> dict[str, Any]:
    """reasons.json: the reasons of workers, and those that only the gateway gives."""
    others = {name: meaning for name, meaning in sorted(told.items()) if name not in entries}
    return {
        "reasons": {name: asdict(entry) for name, entry in entries.items()},
        "gateway": {name: {**asdict(one), "reason": name, "retryable": one.retryable} for name, one in others.items()},
    }
