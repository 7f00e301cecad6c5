"""Every metric of the mesh, in one list: processes fill it, and docs/guides/operating.md shows it.

The names are those of OpenTelemetry's semantic conventions, as Prometheus spells them. What these do not name begins
with `mesh_`.
"""

from typing import Final

from mesh.telemetry.metrics import Metric

HTTP_DURATION: Final = Metric(
    "http_server_request_duration_seconds",
    "histogram",
    "The gateway's requests. `http_route` is the route's template, and `unknown` for all other paths.",
    ("http_request_method", "http_route", "http_response_status_code"),
)
HTTP_ACTIVE: Final = Metric("http_server_active_requests", "gauge", "HTTP requests in work.")
RPC_DURATION: Final = Metric(
    "rpc_server_call_duration_seconds",
    "histogram",
    "A worker's requests from the start of the handler, by subject. `ok`, or the code of the fault.",
    ("rpc_method", "rpc_response_status_code"),
)
EVENT_DURATION: Final = Metric(
    "messaging_process_duration_seconds",
    "histogram",
    "Tries to handle a durable event. `outcome` is `ok` or `failed`.",
    ("messaging_destination_name", "outcome"),
)

HANDLERS: Final = Metric("mesh_service_handlers_running", "gauge", "Handlers of requests that run.")
HANDLERS_MOST: Final = Metric("mesh_service_handlers_limit", "gauge", "Handlers that may run at once.")
QUEUE: Final = Metric("mesh_service_queue_length", "gauge", "Requests that wait for a handler.")
QUEUE_WAIT: Final = Metric(
    "mesh_service_queue_wait_seconds", "histogram", "How long requests waited. Those that need not wait are omitted."
)
REFUSED: Final = Metric(
    "mesh_service_refused", "counter", "Requests refused because the worker is overloaded.", ("reason",)
)
READY: Final = Metric("mesh_service_ready", "gauge", "1 if the worker accepts requests.")

CALLS_IN_FLIGHT: Final = Metric("mesh_client_in_flight", "gauge", "The gateway's calls in flight.", ("service",))
CALLS_LIMIT: Final = Metric("mesh_client_limit", "gauge", "The adaptive limit on calls in flight.", ("service",))
CIRCUIT_OPEN: Final = Metric(
    "mesh_client_circuit_open", "gauge", "1 if the circuit breaker is open or half-open.", ("service",)
)
SHED: Final = Metric("mesh_client_shed", "counter", "Calls that the gateway did not send.", ("service", "reason"))
RETRIES: Final = Metric("mesh_client_retries", "counter", "Requests sent again, hedges included.", ("service",))
RETRY_BUDGET: Final = Metric("mesh_client_retry_budget", "gauge", "Retries that may be sent now.", ("service",))

CACHE_READS: Final = Metric(
    "mesh_cache_reads",
    "counter",
    "Requests that the gateway's memory may answer: `hit`, `miss`, or `joined` if they waited for a miss underway.",
    ("result",),
)
CACHE_DROPS: Final = Metric(
    "mesh_cache_drops",
    "counter",
    "Responses dropped from the gateway's memory, because of an `event`, a `write`, their `age`, a lack of `room`, or"
    " a lost `connection`.",
    ("reason",),
)
CACHE_SIZE: Final = Metric("mesh_cache_size_bytes", "gauge", "Bytes of responses in the gateway's memory.")

CONSUMER_PENDING: Final = Metric(
    "mesh_consumer_pending", "gauge", "Events that wait in the stream, as the latest delivery says."
)
EVENTS_RUNNING: Final = Metric("mesh_consumer_running", "gauge", "Events in work.")
REDELIVERED: Final = Metric("mesh_consumer_redelivered", "counter", "Deliveries of an event after the first one.")
REPEATED: Final = Metric(
    "mesh_consumer_repeated", "counter", "Deliveries of events that had been applied before.", ("event",)
)
DEAD: Final = Metric(
    "mesh_dead_letters", "counter", "Events that became dead letters. `unread` if nobody handles them.", ("event",)
)
PUBLISHED: Final = Metric("mesh_outbox_published", "counter", "Events sent from the outbox.")
PUBLISH_ERRORS: Final = Metric("mesh_outbox_errors", "counter", "Failures to read the outbox or to send from it.")
OUTBOX_WAITING: Final = Metric(
    "mesh_outbox_waiting",
    "gauge",
    "Events in the outbox, read every 5 s and counted up to 10,000. On MongoDB: documents with events.",
)
OUTBOX_AGE: Final = Metric(
    "mesh_outbox_age_seconds", "gauge", "How long the oldest event of the outbox waits. 0 if it is empty."
)

POOL: Final = Metric(
    "db_client_connection_count",
    "gauge",
    "Connections to the database.",
    ("db_client_connection_pool_name", "db_client_connection_state"),
)
POOL_MOST: Final = Metric(
    "db_client_connection_max", "gauge", "Connections that may be open.", ("db_client_connection_pool_name",)
)
POOL_WAITING: Final = Metric(
    "db_client_connection_pending_requests",
    "gauge",
    "Statements that wait for a connection.",
    ("db_client_connection_pool_name",),
)
HASHING: Final = Metric("mesh_password_hashes_pending", "gauge", "Passwords that are hashed or wait for it.")
HASHING_ROOM: Final = Metric("mesh_password_hashes_room", "gauge", "Passwords that auth takes before it refuses.")
TOKENS: Final = Metric("mesh_token_cache_size", "gauge", "Verified tokens in the cache.")
TOKENS_VERIFIED: Final = Metric("mesh_token_verifications", "counter", "Tokens that were not in the cache.")

RECONNECTS: Final = Metric("mesh_nats_reconnects", "counter", "Connections to NATS after the first one.")
CONNECTED: Final = Metric("mesh_nats_connected", "gauge", "1 if NATS is connected.")
LOOP_LAG: Final = Metric(
    "mesh_event_loop_lag_seconds", "histogram", "How late the event loop runs a timer, measured once a second."
)
TARGET: Final = Metric(
    "target_info", "gauge", "1, with the name and the version of the process.", ("service_name", "service_version")
)

METRICS: Final = tuple(metric for metric in tuple(globals().values()) if isinstance(metric, Metric))
"""All of them, in this order."""
