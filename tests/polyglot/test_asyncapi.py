"""AsyncAPI's own parser accepts the document."""

import json
import subprocess
from typing import Any

from tests.support.paths import ROOT
from tests.support.polyglot import POLYGLOT, needs_node

_ERROR = 0
"""The severity of what makes a document invalid; 1 is a warning, 2 a hint."""


def parsed(document: bytes) -> dict[str, Any]:
    command = ["node", "parse_asyncapi.mjs"]
    done = subprocess.run(command, cwd=POLYGLOT, input=document, capture_output=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@needs_node
def test_the_parser_finds_neither_errors_nor_warnings() -> None:
    document = (ROOT / "docs" / "contracts" / "asyncapi.json").read_bytes()
    found = parsed(document)
    assert ["asyncapi-latest-version"] == [one["code"] for one in found["diagnostics"]]
    assert len(json.loads(document)["operations"]) == found["operations"]


@needs_node
def test_the_parser_finds_what_is_wrong() -> None:
    document = json.loads((ROOT / "docs" / "contracts" / "asyncapi.json").read_bytes())
    document["operations"]["customers.get"]["action"] = "answer"
    found = parsed(json.dumps(document).encode())
    assert _ERROR in {one["severity"] for one in found["diagnostics"]}
