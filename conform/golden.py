"""The golden files, and how a reply is held against one: see tests/contract/README.md."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final


def _matches(pattern: str, actual: object) -> bool:
    return isinstance(actual, str) and re.fullmatch(pattern, actual) is not None


_UNKNOWN: Final[Mapping[str, Callable[[object], bool]]] = {
    "<time>": partial(_matches, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    "<id>": partial(_matches, r"[0-9a-f]{32}"),
    "<uuid>": partial(_matches, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "<cursor>": partial(_matches, r"[A-Za-z0-9_-]+"),
    "<access token>": partial(_matches, r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}"),
    "<refresh token>": partial(_matches, r"[A-Za-z0-9_-]{70}"),
    "<webhook secret>": partial(_matches, r"whsec_[A-Za-z0-9+/]{43}="),
    "<row>": lambda actual: type(actual) is int and actual > 0,
    "<version>": partial(_matches, r"\d+(\.\d+){2}\S*"),
}


@dataclass(frozen=True)
class Golden:
    """One request of a golden file, and what comes back: a reply, or an error with its fields."""

    subject: str
    account: str | None
    request: Any
    reply: Any = None
    reason: str | None = None
    number: int = 0
    fields: tuple[str, ...] = ()
    after: Any = None
    at_once: int = 1


def examples(folder: Path, subject: str) -> list[Golden]:
    """What the file of a subject shows: its example first, then its errors. Empty without a file."""
    path = folder / subject.partition(".")[0] / f"{subject}.json"
    if not path.is_file():
        return []
    read: dict[str, Any] = json.loads(path.read_bytes())
    account = read.get("as")
    errors = [
        Golden(
            subject,
            one.get("as", account),
            one["request"],
            reason=one["reason"],
            number=one["number"],
            fields=tuple(one["fields"]),
            after=one.get("after"),
            at_once=one.get("at_once", 1),
        )
        for one in read["errors"]
    ]
    return [Golden(subject, account, read["request"], read["reply"]), *errors]


def differences(expected: Any, actual: Any, path: str = "reply") -> list[str]:  # noqa: ANN401, PLR0911  # any JSON
    """Where the two part, in words; `expected` may hold placeholders. True is not 1, and 1 is not 1.0."""
    match expected:
        case {"$matches": pattern}:
            return [] if _matches(pattern, actual) else [f"{path}: {actual!r} does not match {pattern}"]
        case {"$each": one} if isinstance(actual, list):
            return [d for n, other in enumerate(actual) for d in differences(one, other, f"{path}.{n}")]
        case str() if expected in _UNKNOWN:
            return [] if _UNKNOWN[expected](actual) else [f"{path}: {actual!r} is no {expected}"]
        case dict() if isinstance(actual, dict):
            missing = [f"{path}.{name}: missing" for name in expected.keys() - actual.keys()]
            extra = [f"{path}.{name}: not in the contract" for name in actual.keys() - expected.keys()]
            shared = [name for name in expected if name in actual]
            return missing + extra + [d for n in shared for d in differences(expected[n], actual[n], f"{path}.{n}")]
        case list() if isinstance(actual, list) and len(expected) == len(actual):
            pairs = enumerate(zip(expected, actual, strict=True))
            return [d for n, (one, other) in pairs for d in differences(one, other, f"{path}.{n}")]
        case _ if type(expected) is type(actual) and expected == actual:
            return []
    return [f"{path}: {expected!r} was expected, not {actual!r}"]
