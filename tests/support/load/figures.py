"""What tests under load measure."""

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.long_form import LONG

FIGURES = Path("dist") / "faults.json"
_TIMES = (("median", "p50_ms"), ("p99", "p99_ms"), ("longest", "longest_ms"))


class Figures:
    """What was measured, by fault: of the long form kept in a file, and printed as a table at the end."""

    def __init__(self) -> None:
        self.long = LONG
        """Whether this is the long form, with the full numbers."""
        self.measured: dict[str, dict[str, Any]] = {}
        self._began = time.monotonic()

    def tell(self, what: str) -> None:
        """Show how far a test is."""
        if self.long:
            sys.stderr.write(f"\n{time.monotonic() - self._began:5.0f} s  {what}")

    def add(self, name: str, **values: object) -> None:
        """Keep the figures of a test: docs/explanation/reliability.md tells of them."""
        self.measured[name] = values
        self.tell(f"{name}: {json.dumps(values)}")
        if self.long:
            FIGURES.parent.mkdir(exist_ok=True)
            known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
            measured_at = datetime.now(UTC).isoformat(timespec="seconds")
            FIGURES.write_text(json.dumps({**known, name: {"at": measured_at, **values}}, indent=2) + "\n")

    def table(self) -> Iterator[str]:
        """Two lines for each fault."""
        for name, values in self.measured.items():
            besides = {**values}
            requests, failed = besides.pop("requests", 0), besides.pop("failed", {})
            times = [f"{what} {besides.pop(key):,.0f} ms" for what, key in _TIMES if key in besides]
            yield f"{name:40} {requests:>8,} requests {sum(failed.values()):>7,} failed  {', '.join(times)}"
            if more := {**besides, **failed}:
                yield "    " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in more.items())
