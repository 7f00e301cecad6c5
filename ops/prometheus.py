"""Makes Prometheus's configurations from services.py: which processes to ask for metrics, and which rules to apply.

`job` is the name of a service, and `instance` the address of one process, so that labels of the mesh's own metrics,
such as `service`, keep their names.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ops.process import Process

PORT: Final = 9464
"""METRICS_PORT of a process that has a host name to itself: OpenTelemetry's default for Prometheus."""
TARGETS: Final = "metrics_targets.json"
"""The file in the home of `mesh up` with the addresses of its processes."""

_HEAD: Final = """\
# Made of services.py by `make docs`: a change here is lost.
#
{use}

global:
  scrape_interval: {interval}
  evaluation_interval: {interval}

rule_files: [rules.yml]

scrape_configs:
  - job_name: mesh
"""
_DEPLOYED: Final = """\
# For a deployment where the host name of a service has the addresses of all its replicas, as in Docker Compose and with
# Kubernetes' headless services. Each process has METRICS_PORT={port}, and METRICS_HOST is an address that Prometheus
# reaches and strangers do not."""
_HERE: Final = """\
# For the mesh that `mesh up` runs here:
#
#   prometheus --config.file=deploy/observability/prometheus.local.yml --web.listen-address=127.0.0.1:9090 \\
#     --storage.tsdb.path=.mesh/prometheus --enable-feature=exemplar-storage
#
# `mesh up` writes the file of targets, and Prometheus reads it again when it changes."""
_BY_NAME: Final = """\
    dns_sd_configs:
      - type: A
        port: {port}
        names:
{names}
    relabel_configs:
      - {{ source_labels: [__meta_dns_name], target_label: job }}
"""
_BY_FILE: Final = """\
    file_sd_configs:
      - files: [../../.mesh/{targets}]
"""


def deployed(rows: Iterable[Process]) -> str:
    """The configuration for a deployment: finds the replicas of each process by its host name."""
    names = "\n".join(f"          - {row.name}" for row in rows)
    head = _HEAD.format(use=_DEPLOYED.format(port=PORT), interval="15s")
    return head + _BY_NAME.format(port=PORT, names=names)


def local() -> str:
    """The configuration for the stack of `mesh up`."""
    return _HEAD.format(use=_HERE, interval="5s") + _BY_FILE.format(targets=TARGETS)


def targets(addresses: Mapping[str, str]) -> list[dict[str, Any]]:
    """The targets in Prometheus's format for files, from `host:port` by the name of each process."""
    return [
        {"targets": [address], "labels": {"job": name.partition("-")[0], "process": name}}
        for name, address in addresses.items()
    ]
