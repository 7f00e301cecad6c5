"""How many calls may be in flight at once, found out from how they fare."""

_SHRINK = 0.8


class Limiter:
    """An adaptive limit on calls in flight.

    AIMD, by which TCP finds its window (RFC 5681), as in Netflix's concurrency-limits (`AIMDLimit`).

    Each good answer adds 1/limit while at least half of the limit is in use: one more for each round of calls. A sign
    of congestion takes a fifth, once a round: of calls that began before the limit last shrank, none tells more.
    """

    def __init__(self, *, lowest: int, initial: int, highest: int) -> None:
        self.limit = float(initial)
        self.in_flight = 0
        self._lowest = lowest
        self._highest = highest
        self._shrunk_at = float("-inf")

    @property
    def full(self) -> bool:
        """Whether one more call would be over the limit."""
        return self.in_flight + 1 > self.limit

    def enter(self) -> None:
        """Count a call in; `leave` must follow, however it ends."""
        self.in_flight += 1

    def leave(self, started: float, now: float, *, congested: bool | None) -> None:
        """Count a call out, with what it tells of the service; None where it tells nothing."""
        if congested and started > self._shrunk_at:
            self.limit = max(self._lowest, self.limit * _SHRINK)
            self._shrunk_at = now
        elif congested is False and 2 * self.in_flight >= self.limit:
            self.limit = min(self._highest, self.limit + 1 / self.limit)
        self.in_flight -= 1
