"""Latency of answers, measured from when each request was due."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One request of a client: when it was sent and how long it took, in seconds, and the HTTP status, -1 for none."""

    sent: float
    status: int
    took: float


def since_due(answers: Sequence[Answer], interval: float) -> Iterator[float]:
    """The times of one client's answers, in seconds, each from when its request was due, one every `interval`.

    A client has one connection: while it waits for an answer, the next request is late, and its wait is the server's.
    A request that was late without such a wait was delayed by the client, and counts from when it was sent.
    """
    first = min((answer.sent for answer in answers), default=0.0)
    ended = 0.0
    for number, answer in enumerate(sorted(answers, key=lambda answer: answer.sent)):
        due = first + number * interval
        waited_for_since = due if ended > due else answer.sent
        ended = answer.sent + answer.took
        yield ended - min(waited_for_since, answer.sent)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The percentile of ascending values (nearest rank); 0 for no values."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
