"""The payloads of `customers.import_rows`."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from contracts.base import NOT_EMPTY, Reply, Request, Timestamp, Version, absent, many
from contracts.customers import CompanyName, CustomerId, PersonName, PhoneNumber, Place, PostalCode, Street

MOST_ROWS: Final = 50
"""Rows of one request."""


_Reason = Annotated[str, Field(pattern="^[a-z_]+$", max_length=64)]


class ImportOutcome(StrEnum):
    """What an import did with a row, or would do."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class RowError(Reply):
    """What is wrong with a field of a row, without its value."""

    field: str
    reason: _Reason
    message: str


class ImportedRow(Reply):
    """What became of a row.

    A refused row has a `reason` for programs, a `detail` for people, and `errors` that name its wrong fields. Another
    row has null, null and no errors.
    """

    customer_id: CustomerId
    outcome: ImportOutcome
    reason: _Reason | None
    detail: str | None
    errors: tuple[RowError, ...]


class RowsImported(Reply):
    """What became of each row, in the order of the request."""

    rows: Annotated[tuple[ImportedRow, ...], Field(max_length=MOST_ROWS)]


class CustomerRow(Request):
    """A customer as it is to be. An omitted field stays as it is, or is null in a new customer; null clears it.

    If the customer exists and differs, `expected_version` must be its version; null: any. `created_at` and `updated_at`
    are those of the state that the row is from, and cannot be changed. A new customer gets its own.
    """

    customer_id: CustomerId
    company_name: CompanyName = absent()
    contact_name: PersonName | None = absent()
    contact_title: PersonName | None = absent()
    address: Street | None = absent()
    city: Place | None = absent()
    region: Place | None = absent()
    postal_code: PostalCode | None = absent()
    country: Place | None = absent()
    phone: PhoneNumber | None = absent()
    fax: PhoneNumber | None = absent()
    expected_version: Version | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class ImportRows(Request):
    """Create or change up to 50 customers. A refused row changes nothing. The others are written together, or none.

    `dry_run` writes nothing, and answers what would be done.
    """

    rows: Annotated[tuple[CustomerRow, ...], many(MOST_ROWS), NOT_EMPTY]
    dry_run: bool = False
