"""The names of the wire contract: headers, media types, queue group, inboxes (docs/reference/wire.md)."""

from typing import Final

REQUEST_ID: Final = "X-Request-Id"
REQUEST_TIMEOUT: Final = "Request-Timeout"
REQUEST_DEADLINE: Final = "Request-Deadline"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
AUTHORIZATION: Final = "Authorization"
CLIENT_ADDRESS: Final = "Client-Address"
CONTENT_TYPE: Final = "Content-Type"
TRACE_HEADERS: Final = ("traceparent", "tracestate", "baggage")
ERROR: Final = "Nats-Service-Error"
ERROR_CODE: Final = "Nats-Service-Error-Code"
NAMES: Final = (
    REQUEST_ID,
    REQUEST_TIMEOUT,
    REQUEST_DEADLINE,
    IDEMPOTENCY_KEY,
    AUTHORIZATION,
    CLIENT_ADDRESS,
    CONTENT_TYPE,
    *TRACE_HEADERS,
    ERROR,
    ERROR_CODE,
)
"""The headers of the contract. A received header has this spelling, whatever its case was."""

PROBLEM_JSON: Final = "application/problem+json"
QUEUE_GROUP: Final = "q"
INBOX_PREFIX: Final = "_INBOX_"
