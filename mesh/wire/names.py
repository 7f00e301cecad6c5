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
CE_SPECVERSION: Final = "ce-specversion"
CE_ID: Final = "ce-id"
CE_TYPE: Final = "ce-type"
CE_SOURCE: Final = "ce-source"
CE_SUBJECT: Final = "ce-subject"
CE_TIME: Final = "ce-time"
MESSAGE_ID: Final = "Nats-Msg-Id"
DEAD_REASON: Final = "Dead-Reason"
DEAD_DETAIL: Final = "Dead-Detail"
DEAD_ATTEMPTS: Final = "Dead-Attempts"
DEAD_SUBJECT: Final = "Dead-Subject"
DEAD_SEQUENCE: Final = "Dead-Sequence"
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
    CE_SPECVERSION,
    CE_ID,
    CE_TYPE,
    CE_SOURCE,
    CE_SUBJECT,
    CE_TIME,
    MESSAGE_ID,
    DEAD_REASON,
    DEAD_DETAIL,
    DEAD_ATTEMPTS,
    DEAD_SUBJECT,
    DEAD_SEQUENCE,
)
"""The headers of the contract. In whatever case one is sent, a message has it as it is written here."""

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
QUEUE_GROUP: Final = "q"
INBOX_PREFIX: Final = "_INBOX_"
