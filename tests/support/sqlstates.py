"""The SQLSTATEs that asyncpg knows."""

import inspect

import asyncpg

_STATES = (getattr(kind, "sqlstate", None) for _, kind in inspect.getmembers(asyncpg.exceptions, inspect.isclass))
KNOWN = sorted({sqlstate for sqlstate in _STATES if isinstance(sqlstate, str)})
"""Every code of which the driver makes an error of its own."""
