"""What a diagnosis finds in the documents and in the numbers of processes."""

import pytest

from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Metric
from mesh.telemetry.scrape import Scrape
from mesh.wire.discovery import InstanceDocument
from ops.diagnosis.finding import Declared, Finding, worst_first
from ops.diagnosis.numbers import numbers
from ops.diagnosis.services import services, stores
from ops.diagnosis.streams import stored
from ops.jetstream import JetStream, StreamInfo, StreamState
from ops.streams import streams
from services import PROCESSES, WORKERS
from subjects import ENDPOINTS, EVENTS

DECLARED = Declared(PROCESSES, ENDPOINTS, EVENTS)
NOW = 1_800_000_000.0


def instance(name: str, number: int = 1, **metadata: str) -> InstanceDocument:
    return InstanceDocument(name=name, id=f"{name}-{number}", version="1.0.0", metadata=metadata)


def everybody() -> list[InstanceDocument]:
    return [instance(row.name) for row in WORKERS]


class OnlyStreams(JetStream):
    """JetStream with one empty stream that nobody declared, whose server has this time."""

    def __init__(self, ts: str) -> None:
        self._ts = ts

    async def streams(self) -> list[StreamInfo]:
        state = StreamState(messages=0, bytes=0, first_seq=0, last_seq=0)
        return [StreamInfo(config={"name": "OTHER"}, state=state, ts=self._ts)]


def test_a_whole_mesh_is_in_order() -> None:
    found = [*services(everybody(), DECLARED), *stores(everybody(), PROCESSES)]
    assert {"ok"} == {one.severity for one in found}
    assert {*(row.name for row in WORKERS), "databases", "migrations", "permissions"} == {one.about for one in found}


def test_a_service_without_an_instance_is_an_error_that_says_what_to_do() -> None:
    found = [one for one in services(everybody()[1:], DECLARED) if one.severity != "ok"]
    assert [("error", WORKERS[0].name, "no instance answers")] == [(one.severity, one.about, one.what) for one in found]
    assert f"mesh restart {WORKERS[0].name}" in found[0].do


@pytest.mark.parametrize(
    ("reason", "help_with"),
    [
        ("the database is away", "its database"),
        ("migration 0003 was changed", "let one instance of this version start"),
        ("not all endpoints are subscribed yet: the subscription is refused", "nats.conf"),
        ("something else", "read its log"),
    ],
)
def test_the_reason_of_an_instance_tells_what_to_do(reason: str, help_with: str) -> None:
    documents = [*everybody(), instance("customers", 2, ready="false", reason=reason)]
    found = [one for one in services(documents, DECLARED) if one.severity != "ok"]
    assert [("warning", f"customers-2 is not ready: {reason}")] == [(one.severity, one.what) for one in found]
    assert help_with in found[0].do


def test_databases_are_not_in_order_while_an_instance_complains() -> None:
    documents = [*everybody(), instance("customers", 2, ready="false", reason="the database is away")]
    assert [] == stores(documents, PROCESSES)


@pytest.mark.parametrize(
    ("samples", "what"),
    [
        ({catalogue.HANDLERS: 60, catalogue.HANDLERS_MOST: 64}, "60 of 64 handlers"),
        ({catalogue.POOL_WAITING: 3}, "3 statements wait"),
        ({catalogue.OUTBOX_AGE: 31}, "waited in the outbox for 31 s"),
        ({catalogue.HASHING: 9, catalogue.HASHING_ROOM: 10}, "9 passwords"),
    ],
)
def test_what_is_near_a_limit_is_a_warning(samples: dict[Metric, float], what: str) -> None:
    scrape = Scrape(0.0, tuple((metric.shown, {}, float(value)) for metric, value in samples.items()))
    (found,) = numbers({"auth": scrape})
    assert ("warning", "auth") == (found.severity, found.about)
    assert what in found.what
    assert found.do


def test_an_open_circuit_names_the_service() -> None:
    scrape = Scrape(0.0, ((catalogue.CIRCUIT_OPEN.name, {"service": "orders"}, 1.0),))
    (found,) = numbers({"gateway": scrape})
    assert "the circuit breaker to orders is open" == found.what


def test_a_process_without_metrics_hangs_and_one_with_room_is_in_order() -> None:
    silent, fine = numbers({"stock": None, "auth": Scrape(0.0)})
    assert ("error", "stock", "`mesh restart stock`") == (silent.severity, silent.about, silent.do)
    assert ("ok", "limits") == (fine.severity, fine.about)


@pytest.mark.parametrize(
    ("ts", "severity"),
    [("2027-01-15T08:00:03Z", "ok"), ("2027-01-15T08:00:30Z", "warning"), ("2027-01-15T07:59:30Z", "warning")],
)
async def test_a_clock_that_differs_is_a_warning(ts: str, severity: str) -> None:
    found = {one.about: one for one in await stored(OnlyStreams(ts), (), lambda: NOW)}
    assert severity == found["clock"].severity


async def test_a_declared_stream_that_is_missing_is_an_error() -> None:
    found = await stored(OnlyStreams("2027-01-15T08:00:00Z"), streams(PROCESSES, EVENTS), lambda: NOW)
    missing = [one for one in found if one.what == "the stream does not exist"]
    assert {"EVENTS", "DEAD", "FEED"} == {one.about for one in missing}
    assert {"error"} == {one.severity for one in missing}


def test_the_worst_finding_comes_first() -> None:
    found = [Finding("ok", "a", ""), Finding("error", "b", ""), Finding("warning", "c", ""), Finding("error", "d", "")]
    assert ["b", "d", "c", "a"] == [one.about for one in worst_first(found)]
