"""Writes files that only their owner can read: keys, passwords, the state of a stack."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically. A reader sees the old or the new content, and only the owner can read either."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
