"""The one error that a person at the terminal gets to see."""

from __future__ import annotations


class DevstackError(Exception):
    """Something on this machine is in the way; the message is for a person and says what to do."""
