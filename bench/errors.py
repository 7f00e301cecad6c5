"""The error that ends a benchmark."""


class BenchError(Exception):
    """An obstacle. The message is for people and says what to do."""
