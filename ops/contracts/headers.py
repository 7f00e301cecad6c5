"""The JSON Schemas of the headers of docs/reference/wire.md, and of the body of an error."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mesh.core.errors import Code
from mesh.wire import names
from mesh.wire.problem import MAX_ATTEMPTS, MAX_RETRY_AFTER, REASON_PATTERN
from ops.contracts.shapes import Schema

PRINTABLE: Final = "^[ -~]*$"
_ID_PATTERN = "^[A-Za-z0-9._:-]{1,128}$"
_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_ATTRIBUTE = "^[!-~]([ -~]{0,254}[!-~])?$"


def _text(description: str, pattern: str | None = None, **more: Any) -> Schema:  # noqa: ANN401  # any keyword
    return {"description": description, "type": "string", **({"pattern": pattern} if pattern else {}), **more}


_TRACE: Final = {
    "traceparent": _text(
        "W3C trace context: the trace and the caller's span.", "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
    ),
    "tracestate": _text("W3C trace context: what each tracing system adds."),
    "baggage": _text("W3C baggage."),
}
_REQUEST_ID: Final = _text("Identifies the request in all logs.", _ID_PATTERN)
_MILLISECONDS: Final = "^[0-9]{1,15}$"
_JSON: Final = {"description": "The media type of the body.", "const": names.JSON, "type": "string"}
_REQUEST: Final = {
    names.REQUEST_ID: _REQUEST_ID,
    **_TRACE,
    names.REQUEST_TIMEOUT: _text("Milliseconds for which the caller waits, from the sending on.", _MILLISECONDS),
    names.REQUEST_DEADLINE: _text("When that ends by the caller's clock, in Unix milliseconds.", _MILLISECONDS),
    names.IDEMPOTENCY_KEY: _text("Executes a write once. 1 to 255 printable ASCII characters.", "^[ -~]{1,255}$"),
    names.AUTHORIZATION: _text("The end user's access token.", "^Bearer [!-~]+$", writeOnly=True, **{"x-secret": True}),
    names.CLIENT_ADDRESS: _text("The end user's IP address as the gateway saw it."),
}
_ERROR: Final = {
    names.ERROR_CODE: {
        "description": "The number of the code. Its presence alone marks an error.",
        "enum": [str(code.number) for code in Code],
        "type": "string",
        "x-enum": "closed",
    },
    names.ERROR: _text("One line for people.", PRINTABLE),
    names.CONTENT_TYPE: {"const": names.PROBLEM_JSON, "type": "string"},
    names.REQUEST_ID: _REQUEST_ID,
}
_EVENT: Final = {
    names.CE_SPECVERSION: {"description": "The version of CloudEvents.", "const": "1.0", "type": "string"},
    names.CE_ID: _text("The same id means the same event, however often it arrives.", _UUID, format="uuid"),
    names.CE_TYPE: _text("The event's name: its subject without `events.`.", _ATTRIBUTE),
    names.CE_SOURCE: _text("`/<service>` of the publisher.", _ATTRIBUTE),
    names.CE_SUBJECT: _text("The id of the aggregate that changed.", _ATTRIBUTE),
    names.CE_TIME: _text("When the event was written.", format="date-time"),
    names.CONTENT_TYPE: _JSON,
    names.MESSAGE_ID: _text("Repeats `ce-id`: the stream stores it once.", _UUID, format="uuid"),
    names.REQUEST_ID: _REQUEST_ID,
    "traceparent": _TRACE["traceparent"],
}
_DEAD: Final = {
    names.DEAD_REASON: _text("Why the event was not handled.", REASON_PATTERN),
    names.DEAD_DETAIL: _text("One line for people.", maxLength=500),
    names.DEAD_ATTEMPTS: _text("How often the event was delivered.", "^[0-9]+$"),
    names.DEAD_SUBJECT: _text("The subject that the event came from."),
    names.DEAD_SEQUENCE: _text("Its place in the stream of events.", "^[0-9]+$"),
    names.MESSAGE_ID: _text("`<service>:<ce-id>`, followed by `:<Dead-Sequence>` for an ordered retry."),
}


def definitions() -> dict[str, Schema]:
    """The schema of the headers of each kind of message, by name."""
    required = [names.CE_SPECVERSION, names.CE_ID, names.CE_TYPE, names.CE_SOURCE]
    return {
        "RequestHeaders": _headers("The headers of a request. All are optional.", _REQUEST),
        "ReplyHeaders": _headers("The headers of a successful reply: none is required, none marks an error.", {}),
        "ErrorHeaders": _headers("The headers of an error.", _ERROR, [names.ERROR_CODE, names.ERROR]),
        "EventHeaders": _headers("The headers of a durable event: CloudEvents 1.0 in binary mode.", _EVENT, required),
        "DeadLetterHeaders": _headers(
            "The headers that a dead letter has besides those of its event.", _DEAD, [names.DEAD_REASON]
        ),
    }


def _headers(description: str, properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    return {
        "additionalProperties": True,
        "description": description,
        "properties": dict(properties),
        "required": list(required),
        "type": "object",
    }


def completed(problem: Schema) -> Schema:
    """The schema of a problem with the bounds that a caller reads it by. It must expect other codes and reasons."""
    fields = dict(problem["properties"])
    fields["code"] = {
        **fields["code"],
        "description": "The class of the error. It decides where the reason is unknown.",
        "x-enum": "open",
        "x-known-values": [code.value for code in Code],
    }
    fields["reason"] = {
        **fields["reason"],
        "description": "One cause, for programs; reasons.json lists them. A newer worker may have others.",
        "pattern": REASON_PATTERN,
        "x-enum": "open",
    }
    fields["retry_after"] = {**fields["retry_after"], "minimum": 0, "maximum": MAX_RETRY_AFTER}
    fields["attempts"] = {**fields["attempts"], "minimum": 1, "maximum": MAX_ATTEMPTS}
    # A name of RFC 9457's, not of a resource.
    fields["request_id"] = {key: value for key, value in fields["request_id"].items() if key != "x-identifies"}
    return {**problem, "properties": fields}
