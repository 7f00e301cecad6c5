"""Makes the Grafana dashboard: the four golden signals, events and the error budget, then one panel for each metric.

Names of metrics come from the catalogue, so that a renamed metric is renamed here too.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Metric

_COLUMNS: Final = 24
_ACROSS: Final = 3
_HEIGHT: Final = 7
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_JOB: Final = '{job=~"$job"}'
_LATENCY: Final = f'{catalogue.HTTP_DURATION.name}_bucket{{http_route!="/v1/events"}}'
"""An event stream lasts as long as its client listens: it has no latency."""


@dataclass(frozen=True)
class Chart:
    """One panel: a title, and a legend for each query."""

    title: str
    queries: tuple[tuple[str, str], ...]
    """PromQL, and the legend of its lines."""
    unit: str = "short"
    meaning: str = ""


def _chart(title: str, query: str, legend: str, unit: str = "short") -> Chart:
    return Chart(title, ((query, legend),), unit)


_SIGNALS: Final[Sequence[tuple[str, Sequence[Chart]]]] = (
    (
        "Error budget: 99.9 % of the requests of 30 days",
        (
            _chart("Burn rate: 1 spends the budget in 30 days", "mesh:http_errors:ratio_rate1h / 0.001", "1 hour"),
            _chart("Failed requests, 3 days", "mesh:http_errors:ratio_rate3d", "failed", "percentunit"),
            _chart("Alerts", 'sum by (alertname, severity) (ALERTS{alertstate="firing"})', "{{alertname}}"),
        ),
    ),
    (
        "Traffic and errors",
        (
            _chart("HTTP requests by route", "route:http_requests:rate5m", "{{http_route}}", "reqps"),
            _chart(
                "HTTP requests by status",
                f"sum by (http_response_status_code) (rate({catalogue.HTTP_DURATION.name}_count[$__rate_interval]))",
                "{{http_response_status_code}}",
                "reqps",
            ),
            _chart("Failed requests by service", "job:rpc_errors:ratio_rate5m", "{{job}}", "percentunit"),
        ),
    ),
    (
        "Latency",
        (
            _chart("p99 by route", "route:http_duration_seconds:p99_5m", "{{http_route}}", "s"),
            _chart("p99 by subject", "method:rpc_duration_seconds:p99_5m", "{{rpc_method}}", "s"),
            Chart(
                "All HTTP requests",
                tuple(
                    (
                        f"histogram_quantile({share}, sum by (le) (rate({_LATENCY}[$__rate_interval])))",
                        f"p{share * 100:.0f}",
                    )
                    for share in (0.5, 0.9, 0.99)
                ),
                "s",
            ),
        ),
    ),
    (
        "Saturation",
        (
            _chart("Handlers in use", "instance:handlers:utilisation", "{{job}} {{instance}}", "percentunit"),
            _chart(
                "Database connections in use", "instance:connections:utilisation", "{{job}} {{instance}}", "percentunit"
            ),
            _chart("CPU cores", "sum by (job) (rate(process_cpu_seconds_total[$__rate_interval]))", "{{job}}", "short"),
        ),
    ),
)


def dashboard() -> str:
    """The dashboard as JSON, for Grafana's import and its provisioning."""
    rows = [*_SIGNALS, ("Every metric", tuple(map(_of_metric, catalogue.METRICS)))]
    model = {
        "title": "northwind-mesh",
        "uid": "northwind-mesh",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "tags": ["northwind-mesh"],
        "templating": {"list": [_datasource(), _jobs()]},
        "panels": list(_panels(rows)),
    }
    return json.dumps(model, indent=2) + "\n"


def _of_metric(metric: Metric) -> Chart:
    by = ", ".join(("job", *metric.labels))
    legend = " ".join(f"{{{{{label}}}}}" for label in ("job", *metric.labels))
    if metric.kind == "counter":
        query = f"sum by ({by}) (rate({metric.shown}{_JOB}[$__rate_interval]))"
        return Chart(metric.shown, ((query, legend),), "ops", metric.meaning)
    if metric.kind == "gauge":
        unit = {"seconds": "s", "bytes": "bytes"}.get(metric.name.rpartition("_")[2], "short")
        return Chart(metric.shown, ((f"max by ({by}) ({metric.shown}{_JOB})", legend),), unit, metric.meaning)
    rate = f"sum by (le, job) (rate({metric.name}_bucket{_JOB}[$__rate_interval]))"
    queries = tuple((f"histogram_quantile({share}, {rate})", f"{{{{job}}}} {name}") for share, name in _QUANTILES)
    return Chart(metric.shown, queries, "s", metric.meaning)


_QUANTILES: Final = ((0.5, "p50"), (0.99, "p99"))


def _panels(rows: Iterable[tuple[str, Sequence[Chart]]]) -> Iterator[dict[str, Any]]:
    top, number = 0, 0
    for title, charts in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": 1},
        }
        top += 1
        for place, chart in enumerate(charts):
            number += 1
            down, across = divmod(place, _ACROSS)
            width = _COLUMNS // _ACROSS
            yield _panel(number, chart, {"x": across * width, "y": top + down * _HEIGHT, "w": width, "h": _HEIGHT})
        top += -(-len(charts) // _ACROSS) * _HEIGHT


def _panel(number: int, chart: Chart, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": chart.title,
        "description": chart.meaning,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": chart.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for at, (query, legend) in enumerate(chart.queries)
        ],
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _jobs() -> dict[str, Any]:
    return {
        "name": "job",
        "label": "Service",
        "type": "query",
        "datasource": _SOURCE,
        "query": "label_values(up, job)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }
