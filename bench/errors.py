"""What ends a benchmark."""


class BenchError(Exception):
    """Something is in the way; the message is for a person and says what to do."""
