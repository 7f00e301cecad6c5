"""Runs Pact's own verifier on a folder, in a process of its own: it prints, and its library is native code."""

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pact import Verifier
from pact.types import Message

from ops.contracts.pacts.recording import JSON

PACTS: Final = "pacts"
REPLIES: Final = "replies.json"
RESULTS: Final = "results.json"


def main(folder: Path) -> None:
    """Hold `replies.json` against each file in `pacts/`, and write `results.json`."""
    replies: dict[str, str] = json.loads((folder / REPLIES).read_bytes())
    messages: dict[str, Callable[..., Message] | Message | bytes] = {
        name: _message(base64.b64decode(body)) for name, body in replies.items()
    }
    verifier = Verifier("northwind-mesh").message_handler(messages)
    for path in sorted((folder / PACTS).iterdir()):
        verifier.add_source(path)
    try:
        verifier.verify()
    except RuntimeError:
        if not verifier.results.get("interactionResults"):
            raise  # nothing was tried
    (folder / RESULTS).write_text(json.dumps(verifier.results), encoding="utf-8")


def _message(body: bytes) -> Message:
    return Message(contents=body, metadata=None, content_type=JSON)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
