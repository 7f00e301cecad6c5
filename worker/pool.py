"""The numbers of a pool of database connections, as OpenTelemetry names them."""

from collections.abc import Iterable

from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Sample


def pool_samples(name: str, *, used: int, idle: int, most: int, waiting: int) -> Iterable[Sample]:
    """The samples of the pool `name`."""
    yield Sample(catalogue.POOL, used, (name, "used"))
    yield Sample(catalogue.POOL, idle, (name, "idle"))
    yield Sample(catalogue.POOL_MOST, most, (name,))
    yield Sample(catalogue.POOL_WAITING, waiting, (name,))
