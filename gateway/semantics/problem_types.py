"""The types of problems (RFC 9457, section 3.1.1): what each reason means and what to do, as the catalogue says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from mesh.core.errors import Code

PAGES: Final = "/v1/problems"
_CATALOGUE: Final = Path(__file__).parents[2] / "docs" / "contracts" / "reasons.json"
"""Made by `make docs` from docs/reference/errors.md. In a checkout, a wheel and an image alike."""


@dataclass(frozen=True)
class KnownProblem:
    """What one reason means. The texts may have `code` in backquotes."""

    reason: str
    status: int
    """HTTP's."""
    retryable: bool
    meaning: str
    what_to_do: str

    @property
    def type(self) -> str:
        """Of its problem documents: the path of the page about it."""
        return f"{PAGES}/{self.reason}"


@cache
def problem_types() -> Mapping[str, KnownProblem]:
    """Every type by its reason. The file is read once; the gateway does so when it starts."""
    catalogue = json.loads(_CATALOGUE.read_bytes())
    entries = sorted((catalogue["reasons"] | catalogue["gateway"]).items())
    return {name: _read(name, entry) for name, entry in entries}


def type_of(reason: str, code: Code) -> str:
    """The `type` of a problem. A reason that only a newer worker knows has the type of its code."""
    return f"{PAGES}/{reason if reason in problem_types() else code}"


def _read(reason: str, entry: Mapping[str, str | int]) -> KnownProblem:
    texts = (_plain(str(entry[name])) for name in ("text", "what_to_do"))
    return KnownProblem(reason, int(entry["http"]), bool(entry["retryable"]), *texts)


def _plain(text: str) -> str:
    return text.replace("**", "")
