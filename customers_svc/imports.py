"""Decides what an import does with each row, and the SQL that writes the rows, for the repository alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from contracts.customers import CustomerPatch, CustomerReason
from contracts.customers_import import CustomerRow, ImportedRow, ImportOutcome, RowError
from mesh.wire.field_reasons import FieldReason

Values = Mapping[str, Any]
"""A customer by column."""
FIELDS: Final = tuple(CustomerPatch.model_fields)

EXISTING: Final = "SELECT {} FROM customers WHERE customer_id = ANY($1) ORDER BY customer_id"
LOCKED: Final = f"{EXISTING} FOR UPDATE"
"""The existing customers, locked. The order keeps two imports from waiting for each other."""


@dataclass(frozen=True)
class Step:
    """What is to be done with a row."""

    outcome: ImportOutcome
    values: Values
    """The customer afterwards; what it is now if nothing is to be done."""
    reason: str | None = None
    """Why it is refused; None if it is not."""
    detail: str | None = None
    errors: tuple[RowError, ...] = ()

    def told(self, customer_id: str) -> ImportedRow:
        """What the reply says of the row."""
        return ImportedRow(
            customer_id=customer_id, outcome=self.outcome, reason=self.reason, detail=self.detail, errors=self.errors
        )


def plan(row: CustomerRow, current: Values | None) -> Step:
    """The step for a row, given the customer as it is; None if there is none."""
    changes = {name: value for name, value in row.model_dump(exclude_unset=True).items() if name in FIELDS}
    if current is None:
        if "company_name" not in changes:
            return _refused({}, "invalid_payload", "a new customer needs a company_name", _NAMELESS)
        new = {**dict.fromkeys(FIELDS), **changes, "customer_id": row.customer_id, "version": 1, "archived_at": None}
        return Step(ImportOutcome.CREATED, new)
    if (refused := _kept_from(row, current)) is not None:
        return refused
    if all(current[name] == value for name, value in changes.items()):
        return Step(ImportOutcome.UNCHANGED, current)
    if row.expected_version not in {None, current["version"]}:
        said = f"customer {row.customer_id} has version {current['version']}, not {row.expected_version}"
        return _refused(current, CustomerReason.VERSION_MISMATCH, said)
    return Step(ImportOutcome.UPDATED, {**current, **changes, "version": current["version"] + 1, "updated_at": None})


def _kept_from(row: CustomerRow, current: Values) -> Step | None:
    """The refusal of a row of an archived customer, or with other dates; None if nothing of that."""
    if current["archived_at"] is not None:
        return _refused(current, CustomerReason.ARCHIVED, f"customer {row.customer_id} is archived: restore it first")
    if errors := _dates_changed(row, current):
        names = ", ".join(error.field for error in errors)
        return _refused(current, "invalid_payload", f"read-only fields: {names}", *errors)
    return None


def _dates_changed(row: CustomerRow, current: Values) -> list[RowError]:
    """The dates of a row that are not the customer's. Of another version, `updated_at` is not known."""
    given = {"created_at": row.created_at}
    if row.expected_version == current["version"]:
        given["updated_at"] = row.updated_at
    return [
        RowError(field=name, reason=FieldReason.READ_ONLY, message="cannot be changed")
        for name, moment in given.items()
        if None not in {moment, current.get(name)} and datetime.fromisoformat(str(moment)) != current[name]
    ]


_NAMELESS: Final = RowError(field="company_name", reason=FieldReason.REQUIRED, message="is required")


def _refused(current: Values, reason: str, detail: str, *errors: RowError) -> Step:
    return Step(ImportOutcome.REFUSED, current, reason, detail, errors)


def first_of_each(rows: Sequence[CustomerRow], left: Sequence[int]) -> dict[str, int]:
    """By customer, the position of the first of its rows that is left. A later one starts from what that one leaves."""
    first: dict[str, int] = {}
    for position in left:
        first.setdefault(rows[position].customer_id, position)
    return first


def inserting(columns: Sequence[str]) -> str:
    """Insert the customers of a JSON array, except those that exist by now. Returns the ids of the new ones."""
    names = ", ".join(columns)
    return (
        f"INSERT INTO customers ({names}) SELECT {names} FROM json_populate_recordset(NULL::customers, $1)"  # noqa: S608  # our own columns
        " ON CONFLICT DO NOTHING RETURNING customer_id"
    )


def updating(columns: Sequence[str]) -> str:
    """Change the customers of a JSON array, which this transaction has locked. Returns their ids."""
    assignments = ", ".join(f"{name} = given.{name}" for name in columns if name != "customer_id")
    return (
        f"UPDATE customers SET {assignments}, updated_at = now()"  # noqa: S608  # our own columns
        " FROM json_populate_recordset(NULL::customers, $1) AS given"
        " WHERE customers.customer_id = given.customer_id RETURNING customers.customer_id"
    )
