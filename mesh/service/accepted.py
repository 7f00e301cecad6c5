"""A request that a service has accepted, and the endpoint that answers it."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from pydantic import BaseModel

from mesh.core.context import Context
from mesh.core.endpoint import Endpoint
from mesh.core.errors import Fault, TooLarge
from mesh.transport.base import Message
from mesh.wire.discovery import EndpointRecord


class Route:
    """An endpoint and its handler."""

    def __init__(self, endpoint: Endpoint[Any, Any], handler: Callable[[Any], Awaitable[BaseModel]]) -> None:
        self.endpoint = endpoint
        self.record = EndpointRecord(endpoint)
        endpoint.contract_hash()  # computed now, not when discovery asks
        self.handler = handler
        self.read = endpoint.requests.validator.validate_json
        self.write = endpoint.replies.serializer.to_json


def too_large(endpoint: Endpoint[Any, Any]) -> TooLarge:
    """The fault for a request over the endpoint's limit."""
    return TooLarge("request_too_large", f"a request to {endpoint.subject} has at most {endpoint.max_request} bytes")


class AcceptedRequest(NamedTuple):
    """An accepted message and what was read from it."""

    route: Route
    message: Message
    received: float
    context: Context
    fault: Fault | None
    """The fault in its headers, if any."""

    def time_left(self) -> float:
        """Seconds from when it arrived to its deadline."""
        return self.context.deadline - self.received
