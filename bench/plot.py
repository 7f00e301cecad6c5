"""The picture of a benchmark: our value divided by each peer's, with the range over the rounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.comparison import METRICS, ratio, systems_of
from bench.reporting.results import Results, Section
from bench.reporting.rounds import Spread

_SHOWN = (
    ("CPU µs/req", "paced", "CPU per request, paced (less is better)"),
    ("CPU µs/req", "saturating", "CPU per request, saturating (less is better)"),
    ("req/s", "saturating", "req/s, saturating (more is better)"),
    ("p99 ms", "saturating", "p99 at 64 connections (less is better)"),
)


@dataclass(frozen=True)
class Bar:
    """Our value divided by a peer's, for one question."""

    label: str
    value: Spread


def bars(sections: Sequence[Section], metric: str, load: str) -> Iterator[Bar]:
    """The bars of the sections that compare with peers."""
    for section in sections:
        samples = [sample for sample in section.samples if sample.load == load]
        for peer in systems_of(samples)[1:]:
            yield Bar(f"{section.name} / {peer}", ratio(samples, peer, samples[0].load, METRICS[metric]))


def draw(results: Results, path: Path) -> None:
    """Write the picture as SVG; none where nothing was compared."""
    compared = [section for section in results.sections if section.samples]
    if not compared:
        return
    # Imported here: only the environment of `make bench` has it.
    from matplotlib import rcParams  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    rcParams["svg.fonttype"] = "none"  # text stays text
    rcParams["svg.hashsalt"] = "bench"
    height = 1.5 + 0.7 * max(4, len(list(bars(compared, "CPU µs/req", "saturating"))))
    figure = Figure(figsize=(12, height))
    axes = figure.subplots(2, 2)
    for axis, (metric, load, title) in zip(axes.flat, _SHOWN, strict=True):
        _draw(axis, list(bars(compared, metric, load)), title)
    figure.suptitle(f"mesh by its peers: paired ratios, median and range ({results.begun}, {results.form} form)")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _draw(axis: Any, shown: Sequence[Bar], title: str) -> None:  # noqa: ANN401  # matplotlib's Axes
    places = range(len(shown))
    medians = [bar.value.median for bar in shown]
    errors = [[bar.value.median - bar.value.low for bar in shown], [bar.value.high - bar.value.median for bar in shown]]
    axis.barh(places, medians, xerr=errors, color="#4878a8", ecolor="#222222", capsize=3)
    axis.axvline(1.0, color="#a04040", linewidth=1)
    axis.set_yticks(places, [bar.label for bar in shown])
    axis.invert_yaxis()
    axis.set_title(title, fontsize=10)
    for place, median in zip(places, medians, strict=True):
        axis.text(median, place, f" {median:.2f}", va="bottom", fontsize=8)
