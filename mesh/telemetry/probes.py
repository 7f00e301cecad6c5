"""The requests of monitors, which come all the time and say nothing while all is well."""

from typing import Final

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Their paths. One that succeeds is neither traced nor sent to a collector."""
