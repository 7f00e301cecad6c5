"""Names that no service can have."""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESERVED: Final = _words("""
    audit base bench build bus cli client contracts deployer dev devstack docs events gateway health http loading log
    mesh mongo nats operator ops otel people postgres process providers root services srv ssl stateless subjects system
    tests token trace worker workers
""")
"""Packages and modules of the project, NATS users, lock files, first words of variables."""
OF_SQL: Final = _words("""
    all analyse analyze any array asc asymmetric authorization both case cast check collate collation column
    concurrently constraint create cross default deferrable desc distinct do else end except fetch foreign freeze
    full grant group having ilike initially inner intersect into isnull join lateral leading left like limit
    localtime localtimestamp natural notnull null offset on only order outer overlaps placing primary public
    references returning right select similar some symmetric table tablesample template0 template1 then to trailing
    union unique user using variadic verbose when where window
""")
"""Words of PostgreSQL that name no table and no role without quotes."""
