"""Sends one request many times, and says how long the replies took and what failed."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

_SHARES: Final = {"p50_ms": 50, "p90_ms": 90, "p99_ms": 99, "max_ms": 100}


@dataclass
class Figures:
    """What came of many requests."""

    seconds: list[float] = field(default_factory=list)
    """Of each reply that was no error."""
    failures: Counter[str] = field(default_factory=Counter)
    """How often each error came."""
    whole: float = 0.0
    """Seconds from the first request to the last reply."""

    def document(self) -> dict[str, Any]:
        """The figures as JSON. Durations are milliseconds; None without a reply."""
        done = len(self.seconds) + self.failures.total()
        return {
            "requests": done,
            "errors": self.failures.total(),
            "by_error": dict(self.failures.most_common()),
            "seconds": round(self.whole, 3),
            "per_second": round(done / self.whole, 1) if self.whole else None,
            **{name: percentile(self.seconds, share) for name, share in _SHARES.items()},
        }


async def repeated(send: Callable[[], Awaitable[str | None]], times: int, at_once: int) -> Figures:
    """Send so often, with so many requests in flight. `send` returns the error, or None for a reply."""
    figures, left = Figures(), iter(range(times))

    async def work() -> None:
        for _ in left:
            began = time.perf_counter()
            error = await send()
            if error is None:
                figures.seconds.append(time.perf_counter() - began)
            else:
                figures.failures[error] += 1

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(min(times, at_once))))
    figures.whole = time.perf_counter() - began
    return figures


def percentile(seconds: list[float], share: int) -> float | None:
    """The duration in milliseconds that so many percent of the replies did not exceed; None without a reply."""
    if not seconds:
        return None
    rank = max(1, -(-len(seconds) * share // 100))
    return round(sorted(seconds)[rank - 1] * 1000, 3)
