"""What a process shows of its numbers, and how the listener treats whoever asks."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from mesh.process.metrics import MetricsNotShown, shown
from mesh.telemetry import catalogue
from mesh.telemetry.catalogue import LOOP_LAG, METRICS, RECONNECTS, RPC_DURATION
from mesh.telemetry.listener import listening, of_this_machine
from mesh.telemetry.metrics import BOUNDS, Metrics, Sample
from mesh.telemetry.settings import MetricsSettings
from tests.support.paths import ROOT

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def ask(port: int, request: str) -> tuple[str, str]:
    """The head and the body of the response; both empty if the connection closes without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return head, body


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it holds."""
    while not await condition():
        await asyncio.sleep(0.005)


async def metrics_at(port: int, accept: str = "text/plain") -> str:
    return (await ask(port, f"GET /metrics HTTP/1.1\r\nAccept: {accept}\r\n\r\n"))[1]


@asynccontextmanager
async def a_listener(metrics: Metrics) -> AsyncIterator[int]:
    async with listening(metrics, "127.0.0.1", 0) as port:
        yield port


def values(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The samples of one name, by the values of their labels in alphabetical order of the labels."""
    return {
        tuple(value for _, value in sorted(one.labels.items())): one.value
        for family in prometheus(text)
        for one in family.samples
        if one.name == name
    }


async def test_a_duration_counts_in_its_bucket_and_in_those_above() -> None:
    metrics = Metrics()
    durations = metrics.histogram(RPC_DURATION)
    for seconds in (0.004, 0.005, 0.3, 60.0):
        durations.observe(("customers.get", "ok"), seconds)
    durations.observe(("customers.get", "not_found"), 0.001)
    async with a_listener(metrics) as port:
        text = await metrics_at(port)
    buckets = values(text, f"{RPC_DURATION.name}_bucket")
    ok = [buckets[limit, "customers.get", "ok"] for limit in ("0.005", "0.25", "0.5", "10.0", "+Inf")]
    assert [2, 2, 3, 3, 4] == ok
    assert len(BOUNDS) + 1 == len([labels for labels in buckets if "ok" in labels])
    counted = values(text, f"{RPC_DURATION.name}_count")
    assert {("customers.get", "ok"): 4, ("customers.get", "not_found"): 1} == counted
    assert pytest.approx(60.309) == values(text, f"{RPC_DURATION.name}_sum")["customers.get", "ok"]


async def test_openmetrics_shows_the_trace_of_a_duration() -> None:
    metrics = Metrics()
    metrics.histogram(RPC_DURATION).observe(("customers.get", "ok"), 0.3, TRACE)
    async with a_listener(metrics) as port:
        text = await metrics_at(port, "application/openmetrics-text; version=1.0.0")
        without = await metrics_at(port)
    families = openmetrics(text)  # type: ignore[no-untyped-call]  # not annotated there
    exemplars = [one.exemplar for family in families for one in family.samples if one.exemplar]
    assert [({"trace_id": TRACE}, 0.3)] == [(one.labels, one.value) for one in exemplars]
    assert TRACE not in without


async def test_a_source_is_read_when_somebody_asks() -> None:
    metrics = Metrics()
    reconnects = 0
    metrics.add(lambda: [Sample(RECONNECTS, reconnects)])
    async with a_listener(metrics) as port:
        before = values(await metrics_at(port), RECONNECTS.shown)
        reconnects = 3
        after = values(await metrics_at(port), RECONNECTS.shown)
    assert ({(): 0}, {(): 3}) == (before, after)


async def test_a_reader_gets_only_the_metrics_that_it_names() -> None:
    metrics = Metrics()
    metrics.histogram(RPC_DURATION).observe(("customers.get", "ok"), 0.3)
    metrics.add(lambda: [Sample(RECONNECTS, 3)])
    async with a_listener(metrics) as port:
        head = f"GET /metrics?name[]={RECONNECTS.name}&name%5B%5D=nothing HTTP/1.1\r\n\r\n"
        text = (await ask(port, head))[1]
    assert [RECONNECTS.shown] == [one.name for family in prometheus(text) for one in family.samples]


async def test_the_process_itself_is_measured() -> None:
    async with a_listener(Metrics()) as port:
        text = await metrics_at(port)
    assert values(text, "process_resident_memory_bytes")[()] > 1_000_000
    assert values(text, "process_cpu_seconds_total")[()] > 0


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /metrics HTTP/1.1", 200),
        ("GET /metrics?name=x HTTP/1.0", 200),
        ("GET / HTTP/1.1", 404),
        ("GET /metrics/ HTTP/1.1", 404),
        ("POST /metrics HTTP/1.1", 405),
        ("nonsense", 404),
    ],
)
async def test_it_answers_nothing_but_get_metrics(request_line: str, status: int) -> None:
    async with a_listener(Metrics()) as port:
        head, _ = await ask(port, f"{request_line}\r\n\r\n")
    assert str(status) == head.split()[1]
    assert "connection: close" in head.lower()


async def test_a_request_that_is_too_long_has_no_answer_and_the_next_one_has() -> None:
    async with a_listener(Metrics()) as port:
        try:
            answer = await ask(port, "GET /metrics HTTP/1.1\r\n" + "x: y\r\n" * 20_000)
        except OSError:
            answer = ("", "")
        assert ("", "") == answer
        assert "python_info" in await metrics_at(port)


async def test_connections_are_bounded_and_a_closed_one_makes_room() -> None:
    async with a_listener(Metrics()) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]

        async def refused() -> bool:
            try:
                return await metrics_at(port) == ""
            except OSError:
                return True

        await eventually(refused)
        for _, writer in idle:
            writer.close()

        async def answered() -> bool:
            return not await refused()

        await eventually(answered)


async def test_without_a_port_nothing_is_measured() -> None:
    async with shown("gateway", MetricsSettings()) as metrics:
        assert metrics is None


async def test_a_port_in_use_is_told_and_may_be_shared_on_purpose() -> None:
    async with listening(Metrics(), "127.0.0.1", 0, reuse_port=True) as port:
        with pytest.raises(MetricsNotShown, match=f"port {port} of 127.0.0.1: the port is in use: set METRICS_PORT"):
            async with shown("gateway", MetricsSettings(metrics_port=port)):
                """It is never open."""
        async with shown("gateway", MetricsSettings(metrics_port=port, metrics_reuse_port=True)) as metrics:
            assert metrics is not None


@pytest.mark.parametrize("host", ["no such host", "x" * 70 + ".example", "192.0.2.1"])
async def test_an_address_of_no_machine_is_told(host: str) -> None:
    with pytest.raises(MetricsNotShown, match="METRICS_HOST"):
        async with shown("gateway", MetricsSettings(metrics_host=host, metrics_port=9100)):
            """It is never open."""


def test_of_a_name_with_several_addresses_those_of_this_machine_count() -> None:
    mine, elsewhere = ((socket.AF_INET, (address, 9464)) for address in ("127.0.0.1", "192.0.2.1"))

    assert ["127.0.0.1"] == of_this_machine([elsewhere, mine])
    with pytest.raises(OSError, match="assign requested address"):
        of_this_machine([elsewhere])


async def test_a_name_with_several_addresses_is_listened_on() -> None:
    async with listening(Metrics(), "", 0) as port:  # of IPv4 and of IPv6
        assert "python_info" in await metrics_at(port)


async def test_the_event_loops_lag_is_measured() -> None:
    async with listening(Metrics(), "127.0.0.1", 0) as free:
        pass
    async with shown("customers", MetricsSettings(metrics_port=free)) as metrics:
        assert metrics is not None

        async def measured() -> bool:
            return bool(values(await metrics_at(free), f"{LOOP_LAG.name}_count").get(()))

        await eventually(measured)
        assert "customers" in next(iter(values(await metrics_at(free), "target_info")))


def test_every_metric_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len(METRICS) == len({one.name for one in METRICS})
    for metric in METRICS:
        assert re.fullmatch(r"[a-z][a-z_]+[a-z]", metric.name)
        assert metric.kind != "counter" or not metric.name.endswith("_total")
        assert metric.meaning


def test_every_metric_has_a_source() -> None:
    packages = ("mesh", "gateway", "worker", "auth_svc")
    code = "".join(path.read_text() for package in packages for path in (ROOT / package).rglob("*.py"))
    names = {name for name, value in vars(catalogue).items() if value in METRICS}
    assert len(METRICS) == len(names)
    assert names == set(re.findall(r"\bcatalogue\.([A-Z_]+)", code))
