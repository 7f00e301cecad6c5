"""Settings of the stock worker."""

from mesh.process.settings import WorkerSettings


class StockSettings(WorkerSettings):
    """A worker's settings. The service has no store."""
