"""The counts of one event's handler, for STATS documents and metrics."""

from dataclasses import dataclass


@dataclass
class HandlerStats:
    """Counts of one event's handler since the start."""

    handled: int = 0
    repeated: int = 0
    """Deliveries of events that had been applied before."""
    errors: int = 0
    """Tries that failed."""
    retried: int = 0
    """Failed tries after which the event is delivered again."""
    dead: int = 0
    running: int = 0
    """Events in work now."""
    last_error: str = ""
    processing_time: int = 0
    """Nanoseconds."""
