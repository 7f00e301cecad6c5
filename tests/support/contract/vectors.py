"""The test vectors of the wire contract: plain data that any language reads (docs/reference/wire.md)."""

import json
from typing import Any, Final

from tests.support.paths import ROOT

FOLDER: Final = ROOT / "tests" / "contract" / "vectors"


def vectors(name: str) -> dict[str, Any]:
    """The content of a file of vectors."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_bytes())
    return found


def cases(name: str, part: str = "cases") -> list[dict[str, Any]]:
    """The cases in a file of vectors."""
    found: list[dict[str, Any]] = vectors(name)[part]
    return found


def why(value: object) -> str:
    """What a case is called among the tests."""
    return value["why"] if isinstance(value, dict) and "why" in value else ""


def raw(case: dict[str, Any], text: str) -> bytes:
    """The bytes of a case: of its text, or of `hex` where it is not UTF-8."""
    return bytes.fromhex(case["hex"]) if "hex" in case else case[text].encode()
