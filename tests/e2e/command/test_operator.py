import json
from typing import Any

import pytest

from mesh.client.discover import ask_all
from mesh.core.endpoint import Endpoint
from mesh.core.errors import Refused
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from ops.process import Process
from services import WORKERS
from subjects import ENDPOINTS
from tests.support.contract import golden

ALLOWED = {one.subject for one in golden.access() if one.may_send("operator")}
"""As the golden files state it; `auth.keys.rotate` wants an administrator's token besides."""
SERVICES = tuple(worker.name for worker in WORKERS)


async def test_the_services_tell_all_their_endpoints(operator: NatsTransport) -> None:
    found = {
        document.name: [one.model_dump(exclude_unset=True) for one in document.endpoints]
        for document in await ask_all(operator, "INFO")
    }

    for service in SERVICES:
        expected = [
            {
                "name": endpoint.name,
                "subject": endpoint.subject,
                "queue_group": "q",
                "metadata": endpoint.metadata(),
            }
            for endpoint in ENDPOINTS
            if endpoint.service == service
        ]
        assert sorted(expected, key=by_subject) == sorted(found.pop(service), key=by_subject)
    assert {} == found


def by_subject(endpoint: dict[str, Any]) -> str:
    return str(endpoint["subject"])


@pytest.mark.parametrize("verb", ["PING", "INFO", "STATS"])
async def test_an_instance_is_found_by_service_and_by_id(operator: NatsTransport, verb: str) -> None:
    for service in SERVICES:
        by_service = json.loads((await operator.request(f"$SRV.{verb}.{service}", b"", {}, 5)).payload)
        subject = f"$SRV.{verb}.{service}.{by_service['id']}"
        by_id = json.loads((await operator.request(subject, b"", {}, 5)).payload)
        for document in (by_service, by_id):
            assert (service, f"io.nats.micro.v1.{verb.lower()}_response") == (document["name"], document["type"])
        assert by_service["id"] == by_id["id"]


async def test_statistics_count_requests_and_errors(operator: NatsTransport) -> None:
    before = await statistics(operator)

    await operator.request("customers.get", b'{"customer_id": "ALFKI"}', {}, 5)
    await operator.request("customers.get", b"{}", {}, 5)

    after = await statistics(operator)
    assert (2, 1) == (after["num_requests"] - before["num_requests"], after["num_errors"] - before["num_errors"])
    assert after["last_error"].startswith("422:")
    assert after["average_processing_time"] == after["processing_time"] // after["num_requests"]


async def statistics(operator: NatsTransport) -> dict[str, Any]:
    document = json.loads((await operator.request("$SRV.STATS.customers", b"", {}, 5)).payload)
    [found] = [endpoint for endpoint in document["endpoints"] if endpoint["subject"] == "customers.get"]
    endpoint: dict[str, Any] = found
    return endpoint


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
async def test_statistics_count_events_and_deliveries(operator: NatsTransport, worker: Process) -> None:
    document = json.loads((await operator.request(f"$SRV.STATS.{worker.name}", b"", {}, 5)).payload)
    events, deliveries = document["data"]["events"], document["data"].get("deliveries", {})

    assert {event.type for event in worker.handles} == events.get("handlers", {}).keys()
    assert worker.mails == bool(deliveries)
    for counts in events.get("handlers", {}).values():
        assert {"handled", "errors", "retried", "dead", "running", "last_error"} <= counts.keys()
    for counts in deliveries.values():
        assert {"sent", "errors", "retried", "failed", "running", "last_error"} == counts.keys()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.subject)
async def test_an_operator_may_read_and_rotate_keys_and_nothing_else(
    operator: NatsTransport, endpoint: Endpoint[Any, Any]
) -> None:
    if endpoint.subject in ALLOWED:
        assert (await operator.request(endpoint.subject, b"{}", {}, 5)).payload
        return
    with pytest.raises(Refused):
        await operator.request(endpoint.subject, b"{}", {}, 5)


@pytest.mark.parametrize(
    "subject",
    ["auth.login", "auth.>", "customers.get", "*.get", ">", "_INBOX_gateway.>", "_INBOX.>", "$SRV.PING"],
)
async def test_an_operator_overhears_nothing(operator: NatsTransport, subject: str) -> None:
    def hear(message: Message) -> None:
        """Nothing may come."""

    with pytest.raises(Refused):
        await operator.subscribe(subject, hear)
