"""Draws the mesh as nodes and edges: who runs, who talks to whom, how much, and what is wrong."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from console.sources.instances import Instance
from console.sources.metrics import Metrics
from console.sources.streams import StreamState
from mesh.telemetry.catalogue import HTTP_DURATION
from ops.process import Process
from ops.streams import DEAD_STREAM, EVENT_STREAM, publisher
from subjects import EVENTS

Health = Literal["ok", "degraded", "down", "unknown"]
Kind = Literal["clients", "gateway", "bus", "service", "store", "stream"]

RED_FOR: Final = 3.0
"""Seconds for which a service is red after one of its instances ended, even if the next one serves already."""
AMBER_FOR: Final = 15.0
_STORES: Final = {"postgres": "PostgreSQL", "mongo": "MongoDB"}
_REQUESTS: Final = f"{HTTP_DURATION.name}_count"
_STATUS: Final = "http_response_status_code"
_SERVER_ERROR: Final = "5"


@dataclass(frozen=True)
class Node:
    """A box of the map."""

    id: str
    kind: Kind
    label: str
    health: Health
    why: str = ""
    rate: float = 0.0
    error_rate: float = 0.0
    instances: tuple[dict[str, Any], ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Edge:
    """A line of the map; its width is `rate`, messages a second."""

    source: str
    target: str
    rate: float
    health: Health = "ok"


@dataclass(frozen=True)
class Gateway:
    """How the gateway is, as it says itself."""

    ready: bool
    why: str = ""


@dataclass(frozen=True)
class Seen:
    """What was seen of the mesh at one time."""

    instances: Sequence[Instance]
    gateway: Gateway
    metrics: Metrics
    streams: Sequence[StreamState]
    nats: bool
    """Whether the console reaches NATS."""
    now: float
    """Unix time."""
    traced: float = 0.0
    """Requests a second that are traced."""


def picture(processes: Sequence[Process], seen: Seen) -> dict[str, Any]:
    """The map as JSON: `nodes` and `edges`."""
    by_service: dict[str, list[Instance]] = defaultdict(list)
    for one in seen.instances:
        by_service[one.service].append(one)
    workers = [row for row in processes if row.serves]
    services = [_service(row, by_service[row.name], seen.now, nats=seen.nats) for row in workers]
    http, errors = _http(seen.metrics)
    asked = sum(one.rate for one in services)
    bus: Health = "ok" if seen.nats else "down"
    nodes = [
        Node("clients", "clients", "Clients", "ok", rate=http),
        Node("gateway", "gateway", "gateway", "ok" if seen.gateway.ready else "down", seen.gateway.why, http, errors),
        Node("nats", "bus", "NATS", bus, "" if seen.nats else "the console cannot reach it", asked),
        *services,
        *_stores(workers, services),
        *_streams(seen.streams),
    ]
    health = {one.id: one.health for one in nodes}
    edges = [
        Edge("clients", "gateway", http, health["gateway"]),
        Edge("gateway", "nats", min(http, asked), bus),  # the gateway answers some from memory
        *(Edge("nats", one.id, one.rate, one.health) for one in services),
        *(Edge(row.name, row.store, _rate(services, row.name), health[row.store]) for row in workers if row.store),
        *_event_edges(workers, seen.streams),
    ]
    return {
        "at": seen.now,
        "traced": seen.traced,
        "nodes": [asdict(one) for one in nodes],
        "edges": [asdict(one) for one in edges],
    }


def _service(row: Process, instances: Sequence[Instance], now: float, *, nats: bool) -> Node:
    health, why = _health(instances, now) if nats else ("unknown", "NATS does not answer the console")
    return Node(
        row.name,
        "service",
        row.name,
        health,
        why,
        sum(one.rate for one in instances),
        sum(one.error_rate for one in instances),
        tuple(
            {"id": one.id, "state": one.state, "why": one.why, "since": one.since, "version": one.version}
            for one in instances
        ),
    )


def _health(instances: Sequence[Instance], now: float) -> tuple[Health, str]:
    """The health of a service, and why it is not well."""
    if not any(one.state != "gone" for one in instances):
        gone = max(instances, key=lambda one: one.since, default=None)
        return "down", f"no instance answers: {gone.why}" if gone else "no instance answers"
    for one in sorted(instances, key=lambda one: -one.since):
        if one.state == "gone" and now - one.since < AMBER_FOR:
            return "down" if now - one.since < RED_FOR else "degraded", f"an instance ended: {one.why}"
    unready = [one for one in instances if one.state == "not ready"]
    if unready:
        ready = any(one.state == "ready" for one in instances)
        return "degraded" if ready else "down", f"not ready: {unready[0].why}"
    return "ok", ""


def _http(metrics: Metrics) -> tuple[float, float]:
    """Requests and failures a second of all gateways."""
    rate = errors = 0.0
    for process, one in metrics.by_process.items():
        if process.startswith("gateway"):
            by_status = one.rates(_REQUESTS, _STATUS)
            rate += sum(by_status.values())
            errors += sum(value for status, value in by_status.items() if status.startswith(_SERVER_ERROR))
    return rate, errors


def _rate(services: Iterable[Node], name: str) -> float:
    return next((one.rate for one in services if one.id == name), 0.0)


def _stores(workers: Iterable[Process], services: Sequence[Node]) -> list[Node]:
    """A database server is as well as the services on it say."""
    nodes = []
    for store in dict.fromkeys(row.store for row in workers if row.store):
        on_it = [one for one in services for row in workers if row.store == store and row.name == one.id]
        complaining = [one for one in on_it if "database" in one.why]
        health: Health = "ok" if not complaining else "down" if len(complaining) == len(on_it) else "degraded"
        why = f"{complaining[0].label}: {complaining[0].why}" if complaining else ""
        detail = ", ".join(one.label for one in on_it)
        nodes.append(Node(store, "store", _STORES[store], health, why, sum(one.rate for one in on_it), detail=detail))
    return nodes


def _streams(streams: Iterable[StreamState]) -> list[Node]:
    nodes = []
    for one in streams:
        lag = sum(consumer.pending for consumer in one.consumers)
        letters = one.name == DEAD_STREAM and one.messages > 0
        why = f"{one.messages} dead letter{'s' * (one.messages != 1)}" if letters else ""
        detail = f"{one.messages} message{'s' * (one.messages != 1)}" + (f", {lag} waiting" if lag else "")
        nodes.append(
            Node(f"stream:{one.name}", "stream", one.name, "degraded" if letters else "ok", why, detail=detail)
        )
    return nodes


def _event_edges(workers: Sequence[Process], streams: Iterable[StreamState]) -> list[Edge]:
    if not any(one.name == EVENT_STREAM for one in streams):
        return []
    stream = f"stream:{EVENT_STREAM}"
    publishers = {publisher(event) for event in EVENTS if event.durable}
    return [
        *(Edge(row.name, stream, 0.0) for row in workers if row.name in publishers),
        *(Edge(stream, row.name, 0.0) for row in workers if row.handles),
    ]
