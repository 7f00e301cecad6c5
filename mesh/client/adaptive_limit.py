"""An adaptive limit on the calls in flight, learned from their outcomes."""

_SHRINK = 0.8


class AdaptiveLimit:
    """Limits the calls in flight to one service.

    The rule is AIMD, as in TCP's congestion window (RFC 5681) and in Netflix's concurrency-limits (`AIMDLimit`).

    While at least half of the limit is in use, each good answer adds 1/limit: one per round of calls. Congestion takes
    away a fifth, once per round: calls that began before the limit last shrank do not count.
    """

    def __init__(self, *, lowest: int, initial: int, highest: int) -> None:
        self.limit = float(initial)
        self.in_flight = 0
        self._lowest = lowest
        self._highest = highest
        self._shrunk_at = float("-inf")

    @property
    def full(self) -> bool:
        """Whether one more call would exceed the limit."""
        return self.in_flight + 1 > self.limit

    def enter(self) -> None:
        """Count a call in. The caller must `leave`, whatever the outcome."""
        self.in_flight += 1

    def leave(self, started: float, now: float, *, congested: bool | None) -> None:
        """Count a call out. `congested` is what it shows of the service; None if nothing."""
        if congested and started > self._shrunk_at:
            self.limit = max(self._lowest, self.limit * _SHRINK)
            self._shrunk_at = now
        elif congested is False and 2 * self.in_flight >= self.limit:
            self.limit = min(self._highest, self.limit + 1 / self.limit)
        self.in_flight -= 1
