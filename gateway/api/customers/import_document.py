"""What OpenAPI says of `POST /v1/customers/import`."""

from typing import Any, Final

from gateway.api.customers.imports import READERS
from gateway.routing.operations import OF_A_BODY, documented
from gateway.semantics.streamed import Streamed

_EXAMPLES: Final = {
    "text/csv": "customer_id,company_name,city\r\nALFKI,Alfreds Futterkiste,Berlin\r\n",
    "application/x-ndjson": '{"customer_id":"ALFKI","company_name":"Alfreds Futterkiste","city":"Berlin"}\n',
}
_ANSWER: Final = (
    '{"line":2,"customer_id":"ALFKI","outcome":"unchanged","problem":null}\n'
    '{"created":0,"updated":0,"unchanged":1,"refused":0,"dry_run":false,"incomplete":null}\n'
)


class ImportResult(Streamed):
    """A line for each row, and a last one."""

    media_type = "application/x-ndjson"


REQUEST_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {kind: {"schema": {"type": "string"}, "example": _EXAMPLES[kind]} for kind in READERS},
}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A line of JSON for each row, and a last one with the totals.",
        "content": {ImportResult.media_type: {"schema": {"type": "string"}, "example": _ANSWER}},
    },
    **{status: documented(status) for status in (*sorted(OF_A_BODY), 505)},
}
