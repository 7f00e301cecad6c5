"""Reads the rows of `POST /v1/customers/import`: CSV and NDJSON, also as `GET /v1/customers` exports them."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import from_json

from contracts.customers import CustomerReason
from contracts.customers_import import CustomerRow, ImportedRow, ImportOutcome
from gateway.api.customers.import_schemas import ImportedCustomer
from gateway.routing.importing import Answer, Row, Rows
from gateway.semantics.records import Records, cells_of
from gateway.semantics.spreadsheet import restored
from mesh.core.errors import Fault, FieldError, Invalid, NotFound
from mesh.wire.field_reasons import FieldReason
from mesh.wire.json_text import require_unique_names
from mesh.wire.validation import MOST_FIELD_ERRORS, field_path, invalid_payload

COLUMNS: Final = tuple(ImportedCustomer.model_fields)
_ID: Final = re.compile(r"[A-Z]{5}")
_VERSION: Final = re.compile(r"[0-9]{1,10}")
_NO_JSON: Final = b"{}"


class CsvCustomers:
    """A header row of the names of columns, then a row for each customer. An empty cell is null."""

    def __init__(self) -> None:
        self._records = Records(quoted=True)
        self._names: Sequence[str] = ()

    @property
    def line(self) -> int:
        """See Rows."""
        return self._records.line

    def feed(self, piece: bytes) -> Iterator[Row[CustomerRow]]:
        """See Rows. Raises Invalid for a header with other columns."""
        return self._of(self._records.feed(piece))

    def end(self) -> Iterator[Row[CustomerRow]]:
        """See Rows. Raises Invalid for a body without a header."""
        yield from self._of(self._records.end())
        if not self._names:
            raise _wrong_header("customer_id", FieldReason.REQUIRED, "the body has no header row")

    def _of(self, records: Iterable[tuple[int, bytes]]) -> Iterator[Row[CustomerRow]]:
        for line, record in records:
            cells = cells_of(line, record)
            if self._names:
                yield self._row(line, cells)
            else:
                self._names = _checked(cells)

    def _row(self, line: int, cells: Sequence[str]) -> Row[CustomerRow]:
        if len(cells) != len(self._names):
            why = f"the row has {len(cells)} cells, and the header {len(self._names)}"
            return Row(line, None, _refusal(None, Invalid("invalid_payload", why)))
        values = {name: _value(name, cell) for name, cell in zip(self._names, cells, strict=True)}
        return _read(line, values, _NO_JSON, lambda: ImportedCustomer.model_validate(values))


class NdJsonCustomers:
    """An object on each line."""

    def __init__(self) -> None:
        self._records = Records(quoted=False)

    @property
    def line(self) -> int:
        """See Rows."""
        return self._records.line

    def feed(self, piece: bytes) -> Iterator[Row[CustomerRow]]:
        """See Rows."""
        return self._of(self._records.feed(piece))

    def end(self) -> Iterator[Row[CustomerRow]]:
        """See Rows."""
        return self._of(self._records.end())

    def _of(self, records: Iterable[tuple[int, bytes]]) -> Iterator[Row[CustomerRow]]:
        for line, record in records:
            yield _read(line, None, record, lambda: _from_json(record))  # noqa: B023  # it is called at once


READERS: Final[dict[str, Callable[[], Rows[CustomerRow]]]] = {
    "text/csv": CsvCustomers,
    "application/x-ndjson": NdJsonCustomers,
}
"""By media type."""


def _checked(names: Sequence[str]) -> Sequence[str]:
    """The columns of a header. Raises Invalid."""
    if "" in names:
        number = names.index("") + 1
        raise _wrong_header(f"column {number}", FieldReason.REQUIRED, "the header has no name for this column")
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        shown = [field_path([name]) for name in unknown[:MOST_FIELD_ERRORS]]
        errors = [FieldError(field=one, reason=FieldReason.UNKNOWN_FIELD, message="unknown column") for one in shown]
        known = f"The columns are {', '.join(COLUMNS)}, separated by commas."
        raise Invalid("invalid_payload", f"unknown columns: {', '.join(shown)}. {known}", errors)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _wrong_header(twice, FieldReason.INVALID, "the header has this column twice")
    if "customer_id" not in names:
        raise _wrong_header("customer_id", FieldReason.REQUIRED, "the header lacks this column")
    return names


def _wrong_header(column: str, reason: FieldReason, message: str) -> Invalid:
    error = FieldError(field=column, reason=reason, message=message)
    return Invalid("invalid_payload", f"{column}: {message}", [error])


def _value(name: str, cell: str) -> str | int | None:
    if not cell:
        return None
    if name == "version" and _VERSION.fullmatch(cell):
        return int(cell)
    return restored(cell)


def _from_json(line: bytes) -> ImportedCustomer:
    read = ImportedCustomer.model_validate_json(line)
    require_unique_names(line, read)
    return read


def _read(line: int, values: Any, payload: bytes, read: Callable[[], ImportedCustomer]) -> Row[CustomerRow]:  # noqa: ANN401  # any JSON
    """The row that `read` returns, or its refusal. `payload`: the JSON of the row; `values`: what it has, if known."""
    try:
        customer = read()
    except ValidationError as error:
        fault: Fault = invalid_payload(error, payload)
    except Invalid as error:
        fault = error.with_traceback(None)  # its traceback refers to this frame: a cycle
    else:
        if customer.archived_at is None:
            return Row(line, customer.to_contract())
        fault = NotFound(CustomerReason.ARCHIVED, "the row is of an archived customer: an import does not archive")
        values = {"customer_id": customer.customer_id}
    return Row(line, None, _refusal(_id_in(values, payload), fault))


def _id_in(values: Any, payload: bytes) -> str | None:  # noqa: ANN401  # any JSON
    """The id in a refused row, if it has a valid one."""
    if values is None:
        try:
            values = from_json(payload)
        except ValueError:
            return None
    found = values.get("customer_id") if isinstance(values, dict) else None
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def _refusal(customer_id: str | None, fault: Fault) -> Answer:
    return {"customer_id": customer_id, "outcome": ImportOutcome.REFUSED, "problem": _problem(fault)}


def answers(rows: Iterable[ImportedRow]) -> Iterator[Answer]:
    """What the service says of rows, as HTTP shows it."""
    for row in rows:
        problem = None if row.reason is None else _problem(row)
        yield {"customer_id": row.customer_id, "outcome": row.outcome, "problem": problem}


def _problem(why: Fault | ImportedRow) -> Answer:
    return {"reason": why.reason, "detail": why.detail, "errors": [error.model_dump() for error in why.errors]}
