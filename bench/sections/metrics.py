"""The cost of metrics: a system whose processes measure their requests beside others that do not, in paired rounds."""

from pathlib import Path
from typing import Final

from bench.comparison import METRICS, disturbed, tables, values
from bench.reporting.results import Claim, Section
from bench.reporting.rounds import paired
from bench.sections.variants import saturate
from bench.systems import OURS

_MOST: Final = 1.03
_OFF, _OFF_TOO = "off", "off-too"
_UNSET: Final = {"METRICS_PORT": ""}


async def metrics(home: Path, *, starts: int, rounds: int, seconds: float) -> Section:
    """Saturate the customer by key, with and without metrics.

    A second system without metrics shows how large a difference is by chance.
    """
    variants = {OURS: {}, _OFF: _UNSET, _OFF_TOO: _UNSET}
    samples = await saturate(home, variants, starts=starts, rounds=rounds, seconds=seconds)
    on, off, off_too = (values(samples, name, "saturating", METRICS["CPU µs/req"]) for name in variants)
    return Section(
        name="metrics",
        title="Metrics of each request, beside none: GET /v1/customers/{customer_id}, saturating",
        notes=[f"CPU of one system that measures nothing by the other's: {paired(off_too, off)}.", *disturbed(samples)],
        tables=tables(samples),
        claims=[
            Claim(
                what="metrics, saturating: CPU µs/req by that of none",
                bound=_MOST,
                measured=paired(2 * on, off + off_too),
            )
        ],
        samples=samples,
    )
