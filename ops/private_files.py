"""Files that are for their owner alone: keys, passwords, where a stack is."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, so that a reader sees the old or the new one, and only its owner sees either."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
