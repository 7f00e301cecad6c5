"""Makes asyncapi.json: the mesh as one AsyncAPI 3.0 application, which answers requests and announces events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mesh.core.endpoint import Access, Endpoint
from mesh.core.event import Event
from mesh.wire.names import ERROR, ERROR_CODE, PROBLEM_JSON, QUEUE_GROUP
from mesh.wire.problem import Problem
from ops.contracts.document import Declared
from ops.contracts.examples import EndpointExample, EventExample
from ops.contracts.reasons import Meaning, ReasonEntry

Document = dict[str, Any]

VERSION: Final = "3.0.0"
_SCHEMAS: Final = "#/components/schemas/"
_BINDING: Final = "0.1.0"
_DESCRIPTION: Final = """\
Northwind's customers, products and orders on NATS: plain subjects, plain JSON.

A request goes to the subject of its channel with a reply subject below `_INBOX_<user>.`. The reply is the bare JSON, \
or an error: the header `Nats-Service-Error-Code` alone tells them apart. docs/reference/wire.md has every rule.
"""
_SECURITY: Final = {
    "nkey": {
        "type": "asymmetricEncryption",
        "description": "The NATS user of the process, named by its public nkey. Its private seed signs a nonce.",
    },
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The end user's access token in the header `Authorization`. The worker verifies it itself.",
    },
}
_SERVERS: Final = {
    "development": {
        "host": "127.0.0.1:4222",
        "protocol": "nats",
        "description": "NATS as `mesh up` starts it; stack.json has the port.",
    },
    "production": {"host": "nats:4222", "protocol": "nats", "description": "NATS of compose.yaml, with TLS."},
}


@dataclass(frozen=True)
class Illustrated:
    """What the declarations lack: examples by subject, and the reasons with their texts."""

    endpoints: Mapping[str, EndpointExample]
    events: Mapping[str, EventExample]
    reasons: Mapping[str, ReasonEntry]
    told: Mapping[str, Meaning]
    """What errors.md says of every reason, those of the gateway alone too."""


def asyncapi(declared: Declared, illustrated: Illustrated) -> Document:
    """The document, as AsyncAPI's own parser accepts it."""
    services = [*(one.service for one in declared.endpoints), *(one.service for one in declared.events)]
    channels: Document = {}
    operations: Document = {}
    for endpoint in declared.endpoints:
        channels |= _channels(endpoint, illustrated)
        operations[endpoint.subject] = _answers(endpoint, declared, illustrated)
    for event in declared.events:
        channels[event.subject] = _event_channel(event, illustrated)
        operations |= _event_operations(event, declared)
    return {
        "asyncapi": VERSION,
        "id": "urn:northwind-mesh",
        "info": {
            "title": "Northwind mesh",
            "version": declared.version,
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
            "tags": [{"name": name} for name in dict.fromkeys(services)],
        },
        "defaultContentType": "application/json",
        "servers": {
            name: {**server, "security": [_to("securitySchemes", "nkey")]} for name, server in _SERVERS.items()
        },
        "channels": channels,
        "operations": operations,
        "components": {"schemas": _relocated(declared.definitions), "securitySchemes": _SECURITY},
    }


def _channels(endpoint: Endpoint[Any, Any], illustrated: Illustrated) -> Document:
    example = illustrated.endpoints[endpoint.subject]
    request = {
        "name": endpoint.request.__name__,
        "headers": _schema("RequestHeaders"),
        "payload": _schema(endpoint.request.__name__),
        "examples": [{"name": "example", "payload": example.request}],
    }
    reply = {
        "name": endpoint.reply.__name__,
        "headers": _schema("ReplyHeaders"),
        "payload": _schema(endpoint.reply.__name__),
        "examples": [{"name": "example", "payload": example.reply}],
    }
    return {
        endpoint.subject: {
            "address": endpoint.subject,
            "messages": {"request": request},
        },
        _replies(endpoint): {
            "address": None,
            "description": f"The reply subject of a request to `{endpoint.subject}`: an inbox of its caller.",
            "messages": {"reply": reply, "error": _error(endpoint, illustrated.reasons)},
        },
    }


def _error(endpoint: Endpoint[Any, Any], reasons: Mapping[str, ReasonEntry]) -> Document:
    return {
        "name": "Problem",
        "description": "An example of each reason that the subject declares. reasons.json has those that all share.",
        "contentType": PROBLEM_JSON,
        "headers": _schema("ErrorHeaders"),
        "payload": _schema("Problem"),
        "examples": [_example_of(reasons[name]) for name in (*_own(endpoint), "invalid_payload")],
    }


def _own(endpoint: Endpoint[Any, Any]) -> Iterable[str]:
    return (reason.value for reason in endpoint.reasons)


def _example_of(entry: ReasonEntry) -> Document:
    problem = Problem.of(entry.code, entry.reason, entry.code.summary, request_id="4f1c7d0a5b6e4c0f8a9b2d3e4f5a6b7c")
    return {
        "name": entry.reason,
        "summary": entry.text,
        "headers": {ERROR_CODE: str(entry.number), ERROR: entry.code.summary},
        "payload": problem.model_dump(mode="json", exclude_none=True),
    }


def _answers(endpoint: Endpoint[Any, Any], declared: Declared, illustrated: Illustrated) -> Document:
    operation: Document = {
        "action": "receive",
        "channel": _channel(endpoint.subject),
        "summary": _first_line(endpoint.request),
        "tags": [{"name": endpoint.service}],
        "bindings": {"nats": {"queue": QUEUE_GROUP, "bindingVersion": _BINDING}},
        "messages": [_message(endpoint.subject, "request")],
        "reply": {
            "channel": _channel(_replies(endpoint)),
            "messages": [_message(_replies(endpoint), kind) for kind in ("reply", "error")],
        },
        "x-access": endpoint.access.value,
        "x-callers": declared.callers(endpoint),
        "x-contract": endpoint.contract_hash(),
        "x-idempotent": endpoint.idempotent,
        "x-keyed": endpoint.keyed,
        "x-max-reply": endpoint.max_reply,
        "x-max-request": endpoint.max_request,
        "x-reasons": {name: illustrated.reasons[name].code for name in _own(endpoint)},
        "x-timeout-ms": round(endpoint.timeout * 1000),
    }
    if endpoint.verified and endpoint.access is not Access.ANYONE:
        operation["security"] = [_to("securitySchemes", "accessToken")]
    return operation


def _event_channel(event: Event[Any], illustrated: Illustrated) -> Document:
    example = illustrated.events[event.subject]
    message: Document = {
        "name": event.payload.__name__,
        "payload": _schema(event.payload.__name__),
        "examples": [{"name": "example", "payload": example.payload}],
    }
    if event.durable:
        message["headers"] = _schema("EventHeaders")
        message["examples"][0]["headers"] = dict(example.headers)
    return {"address": event.subject, "messages": {"event": message}}


def _event_operations(event: Event[Any], declared: Declared) -> Document:
    common: Document = {
        "channel": _channel(event.subject),
        "summary": _first_line(event.payload),
        "tags": [{"name": event.service}],
        "messages": [_message(event.subject, "event")],
    }
    operations = {
        f"{event.subject}:send": {"action": "send", **common, "x-durable": event.durable, "x-publisher": event.service}
    }
    if readers := declared.handlers(event) or declared.hearers(event):
        operations[f"{event.subject}:receive"] = {"action": "receive", **common, "x-readers": readers}
    return operations


def _first_line(shape: type) -> str:
    return " ".join((shape.__doc__ or "").partition("\n\n")[0].split())


def _replies(endpoint: Endpoint[Any, Any]) -> str:
    return f"{endpoint.subject}:reply"


def _channel(name: str) -> Document:
    return {"$ref": f"#/channels/{name}"}


def _message(channel: str, name: str) -> Document:
    return {"$ref": f"#/channels/{channel}/messages/{name}"}


def _schema(name: str) -> Document:
    return {"$ref": f"{_SCHEMAS}{name}"}


def _to(kind: str, name: str) -> Document:
    return {"$ref": f"#/components/{kind}/{name}"}


def _relocated(schema: Any) -> Any:  # noqa: ANN401  # a JSON Schema is JSON of any shape
    """The schema with its references to this document. What stands beside a reference goes where AsyncAPI reads it."""
    if isinstance(schema, list):
        return [_relocated(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {key: _relocated(value) for key, value in schema.items() if key != "$ref"}
    if "$ref" not in schema:
        return rest
    reference = _schema(schema["$ref"].rpartition("/")[2])
    return {"allOf": [reference], **rest} if rest else reference
