"""The streams of durable events, as tests make them on a server that lets them."""

import json
from typing import Any

from mesh.events.jetstream import DEAD, EVENTS
from mesh.transport.base import Transport

JETSTREAM = 'jetstream {{ store_dir: "{folder}", max_memory_store: 64M, max_file_store: 256M }}'


async def api(transport: Transport, verb: str, request: object = None) -> dict[str, Any]:
    """Ask JetStream's API; an error fails the test."""
    payload = b"" if request is None else json.dumps(request).encode()
    reply = await transport.request(f"$JS.API.{verb}", payload, {}, 5)
    answer: dict[str, Any] = json.loads(reply.payload)
    assert "error" not in answer, answer
    return answer


async def make_streams(transport: Transport, service: str, *subjects: str, ack_wait: float = 30.0) -> None:
    """Make both streams, and the consumer of the service for these subjects and for its retries."""
    retry = f"retry.{service}"
    stream = {"storage": "file", "retention": "limits", "discard": "new", "duplicate_window": 120 * 10**9}
    await api(
        transport, f"STREAM.CREATE.{EVENTS}", {**stream, "name": EVENTS, "subjects": ["events.sample.*", "retry.*"]}
    )
    await api(transport, f"STREAM.CREATE.{DEAD}", {**stream, "name": DEAD, "subjects": ["dead.>"]})
    await make_consumer(transport, service, *subjects, retry, ack_wait=ack_wait)


async def make_consumer(transport: Transport, service: str, *subjects: str, ack_wait: float = 30.0) -> None:
    """Make the durable consumer of a service."""
    config = {
        "durable_name": service,
        "name": service,
        "filter_subjects": [*subjects],
        "ack_policy": "explicit",
        "ack_wait": round(ack_wait * 1e9),
        "max_ack_pending": 1000,
        "max_deliver": -1,
    }
    await api(
        transport, f"CONSUMER.CREATE.{EVENTS}.{service}", {"stream_name": EVENTS, "config": config, "action": "create"}
    )


async def stored(transport: Transport, stream: str) -> int:
    """How many messages the stream has."""
    count: int = (await api(transport, f"STREAM.INFO.{stream}"))["state"]["messages"]
    return count


async def unsettled(transport: Transport, service: str) -> int:
    """How many messages the service's consumer has still to settle."""
    info = await api(transport, f"CONSUMER.INFO.{EVENTS}.{service}")
    return int(info["num_pending"]) + int(info["num_ack_pending"])
