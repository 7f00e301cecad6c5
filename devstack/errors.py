"""The error that a person at the terminal sees."""

from __future__ import annotations


class DevstackError(Exception):
    """Something on this machine prevents the start. The message says what to do."""
