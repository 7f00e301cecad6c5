"""What two readings of metrics tell: growth, and durations that a share of the requests did not exceed."""

import pytest

from mesh.telemetry.catalogue import LOOP_LAG
from mesh.telemetry.exposition import Exposition
from mesh.telemetry.metrics import Metrics
from mesh.telemetry.scrape import Scrape, grown, quantile, samples


def read(*seconds: float) -> Scrape:
    """What a process shows after these durations."""
    metrics = Metrics()
    histogram = metrics.histogram(LOOP_LAG)
    histogram.series(())
    for one in seconds:
        histogram.observe((), one)
    text, _ = Exposition().write(metrics.read(), openmetrics=False)
    return Scrape(0.0, samples(text.decode()))


def test_a_quantile_lies_in_the_bucket_of_its_observation() -> None:
    now = read(*[0.003] * 90, *[0.2] * 10)
    assert quantile(None, now, LOOP_LAG.name, 0.5) == pytest.approx(0.005 * 50 / 90)
    assert quantile(None, now, LOOP_LAG.name, 0.99) == pytest.approx(0.1 + 0.15 * 9 / 10)


def test_only_what_came_since_the_last_reading_counts() -> None:
    before, now = read(*[9.0] * 100), read(*[9.0] * 100, 0.06)
    assert quantile(before, now, LOOP_LAG.name, 0.99) == pytest.approx(0.05 + 0.025 * 0.99)
    assert {"": 1.0} == grown(before, now, f"{LOOP_LAG.name}_count", "none")


def test_above_the_last_bound_a_quantile_is_that_bound() -> None:
    assert 10.0 == quantile(None, read(11.0), LOOP_LAG.name, 0.5)


def test_without_observations_there_is_no_quantile() -> None:
    assert quantile(None, read(), LOOP_LAG.name, 0.5) is None
    assert quantile(None, Scrape(0.0), LOOP_LAG.name, 0.5) is None


def test_after_a_restart_nothing_shrinks() -> None:
    assert {"": 0.0} == grown(read(1.0, 1.0), read(1.0), f"{LOOP_LAG.name}_count", "none")


def test_a_text_that_is_no_metrics_is_refused() -> None:
    with pytest.raises(ValueError, match="<html>"):
        samples("<html>")
