"""Requests to `POST /v1/customers/import`, and a service that creates what it is sent."""

import json
from typing import Any, Final

from httpx2 import Response

from contracts.customers_import import ImportedRow, ImportOutcome, ImportRows, RowsImported

PATH: Final = "/v1/customers/import"
CSV: Final = {"Content-Type": "text/csv"}
NDJSON: Final = {"Content-Type": "application/x-ndjson"}
HEADER: Final = "customer_id,company_name,city,version,archived_at\r\n"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def created(request: ImportRows) -> RowsImported:
    """The reply of a service that creates every row."""
    return RowsImported(
        rows=tuple(
            ImportedRow(customer_id=row.customer_id, outcome=ImportOutcome.CREATED, reason=None, detail=None, errors=())
            for row in request.rows
        )
    )


def many(count: int) -> str:
    """A file of new customers."""
    keys = ("NE" + "".join(_LETTERS[number // 26**place % 26] for place in range(3)) for number in range(count))
    return HEADER + "".join(f"{key},New,,,\r\n" for key in keys)


def lines(response: Response) -> list[dict[str, Any]]:
    """The lines of an answer."""
    assert (200, "application/x-ndjson") == (response.status_code, response.headers["content-type"]), response.text
    return [json.loads(line) for line in response.text.splitlines()]
