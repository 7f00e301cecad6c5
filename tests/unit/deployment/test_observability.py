"""Prometheus's rules, the dashboard and the collector's configuration name what exists, and Prometheus accepts them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from mesh.core.errors import Code
from mesh.telemetry.catalogue import METRICS
from ops.dashboard import dashboard
from ops.prometheus import PORT, deployed, targets
from services import PROCESSES
from tests.support.paths import ROOT

FOLDER: Final = ROOT / "deploy" / "observability"
RULES: Final = [
    rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
RECORDED: Final = {rule["record"] for rule in RULES if "record" in rule}
PROMTOOL: Final = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="needs promtool: apt-get install prometheus")

LABELS_BY_NAME: Final = {
    **{
        f"{metric.shown}{part}": {*metric.labels}
        for metric in METRICS
        for part in (("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",))
    },
    "up": set(),
    "process_cpu_seconds_total": set(),
    "ALERTS": {"alertname", "alertstate", "severity"},
}
"""The labels of every series that a process or Prometheus itself has."""
OF_PROMETHEUS: Final = {"job", "instance", "le"}
WORDS: Final = {"and", "or", "unless", "offset", "by", "sum", "max", "rate", "increase", "histogram_quantile", "vector"}


def dashboard_queries() -> list[str]:
    panels = json.loads(dashboard())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def names(query: str) -> set[str]:
    """The series of a query."""
    bare = re.sub(r"\{[^}]*\}|\bby \([^)]*\)|\[[^\]]*\]", " ", query)
    return {*re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*", bare)} - WORDS


def labels(query: str) -> set[str]:
    """The labels that a query selects or groups by."""
    grouped = [label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")]
    return {*grouped, *re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', query)}


QUERIES: Final = [*(rule["expr"] for rule in RULES), *dashboard_queries()]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_series_and_labels_that_exist(query: str) -> None:
    assert set() == names(query) - LABELS_BY_NAME.keys() - RECORDED
    known = {label for name in names(query) for label in LABELS_BY_NAME.get(name, set())}
    assert set() == labels(query) - known - OF_PROMETHEUS


def test_a_rule_names_codes_that_exist() -> None:
    found = {
        code
        for query in QUERIES
        for codes in re.findall(r'status_code=~"([a-z_|]+)"', query)
        for code in codes.split("|")
    }
    assert {"internal", "overloaded"} == found
    assert found <= {*Code}


def test_the_dashboard_shows_every_metric_and_every_recorded_series_of_a_golden_signal() -> None:
    shown = {name for query in dashboard_queries() for name in names(query)}
    missing = {metric.name for metric in METRICS if not shown & {metric.shown, f"{metric.name}_bucket"}}
    assert set() == missing
    assert {one for one in RECORDED if one.startswith(("route:", "method:", "instance:"))} - shown == {
        "method:rpc_requests:rate5m"
    }


def test_every_alert_has_a_severity_and_a_page_that_exists() -> None:
    for alert in (rule for rule in RULES if "alert" in rule):
        assert alert["labels"]["severity"] in {"page", "ticket"}
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert anchor in anchors(ROOT / page), alert["alert"]


def anchors(page: Path) -> set[str]:
    return {
        re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    }


def test_prometheus_asks_every_process() -> None:
    [job] = yaml.safe_load(deployed(PROCESSES))["scrape_configs"]
    [found] = job["dns_sd_configs"]
    assert (PORT, [row.name for row in PROCESSES]) == (found["port"], found["names"])


def test_a_target_has_the_name_of_its_service() -> None:
    expected = [
        {"targets": ["127.0.0.1:1"], "labels": {"job": "stock", "process": "stock"}},
        {"targets": ["127.0.0.1:2"], "labels": {"job": "orders", "process": "orders-2"}},
    ]
    assert expected == targets({"stock": "127.0.0.1:1", "orders-2": "127.0.0.1:2"})


def components(collector: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            yield from ((kind, name) for name in pipeline[kind])
    yield from (("extensions", name) for name in collector["service"]["extensions"])


def test_the_collector_has_each_component_of_its_pipelines_and_no_other() -> None:
    collector = yaml.safe_load((FOLDER / "collector.yml").read_text())
    defined = {(kind, name) for kind in collector if kind != "service" for name in collector[kind]}
    assert defined == {*components(collector)}
    assert {"traces", "logs"} == collector["service"]["pipelines"].keys()


@needs_promtool
@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", "rules.yml"),
        ("check", "config", "prometheus.yml"),
        ("check", "config", "prometheus.local.yml"),
        ("test", "rules", "rules_test.yml"),
        ("test", "rules", "rules_slow_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_accepts(command: tuple[str, ...]) -> None:
    assert PROMTOOL
    ended = subprocess.run([PROMTOOL, *command], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
