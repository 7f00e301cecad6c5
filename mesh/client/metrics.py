"""Shows the numbers of a client."""

from collections.abc import Iterable

from mesh.client.client import Client
from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Metrics, Sample


def measure_client(client: Client, metrics: Metrics) -> None:
    """Show the client's retries and their budgets."""

    def samples() -> Iterable[Sample]:
        for service, budget in client.budgets.items():
            yield Sample(catalogue.RETRIES, budget.retries.spent, (service,))
            yield Sample(catalogue.RETRY_BUDGET, budget.retries.left, (service,))

    metrics.add(samples)
