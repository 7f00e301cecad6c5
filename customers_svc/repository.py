"""The customers in PostgreSQL: every query of the service, each rule within a single statement."""

# ruff: noqa: S608  # the texts are put together from our own columns; what a caller sends travels beside them

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final

from asyncpg import Record
from pydantic import StringConstraints, TypeAdapter

from contracts.customers import (
    CreateCustomer,
    Customer,
    CustomerId,
    CustomerPage,
    CustomerReason,
    CustomerSort,
    ListCustomers,
)
from mesh.core.errors import Conflict, Invalid, NotFound
from providers.errors import InvalidCursor
from providers.postgres.connections import Connection
from providers.postgres.database import Statements
from providers.postgres.folding import fold, pattern
from providers.postgres.keyset import Order, Select
from providers.postgres.migrations import PATIENCE
from providers.postgres.seed import read_csv

_COLUMNS = (
    "customer_id, company_name, contact_name, contact_title, address, city, region, postal_code, country, phone, fax,"
    " version, archived_at"
)
_FOLDED = ("company_name", "contact_name", "city", "country")  # each has a column beside it, to be searched
_FILTERS = ("country", "city", "region")

_ID = TypeAdapter(tuple[CustomerId])
_TEXT_AND_ID = TypeAdapter(tuple[Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")], CustomerId])
_COMPANY = ("company_name_order", "customer_id")
_CITY = ("city_order", "customer_id")
_COUNTRY = ("country_order", "customer_id")
_ORDERS = {
    CustomerSort.ID: Order(("customer_id",), _ID),
    CustomerSort.ID_DESC: Order(("customer_id",), _ID, descending=True),
    CustomerSort.COMPANY_NAME: Order(_COMPANY, _TEXT_AND_ID),
    CustomerSort.COMPANY_NAME_DESC: Order(_COMPANY, _TEXT_AND_ID, descending=True),
    CustomerSort.CITY: Order(_CITY, _TEXT_AND_ID),
    CustomerSort.CITY_DESC: Order(_CITY, _TEXT_AND_ID, descending=True),
    CustomerSort.COUNTRY: Order(_COUNTRY, _TEXT_AND_ID),
    CustomerSort.COUNTRY_DESC: Order(_COUNTRY, _TEXT_AND_ID, descending=True),
}


class Customers:
    """The table `customers`; archived rows are there for `archive` and for the uniqueness of keys alone."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def get(self, customer_id: str) -> Customer:
        """The customer. Raises NotFound."""
        row = await self._database.fetchrow(
            f"SELECT {_COLUMNS} FROM customers WHERE customer_id = $1 AND archived_at IS NULL", customer_id
        )
        if row is None:
            raise not_found(customer_id)
        return _customer(row)

    async def find_many(self, customer_ids: Collection[str]) -> dict[str, Customer]:
        """Those of the customers that there are, by key."""
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM customers WHERE customer_id = ANY($1) AND archived_at IS NULL", list(customer_ids)
        )
        return {row["customer_id"]: _customer(row) for row in rows}

    async def list(self, request: ListCustomers) -> CustomerPage:
        """A page of the customers that match. Raises Invalid for a cursor of another list."""
        select = Select(f"{_COLUMNS}, company_name_order, city_order, country_order", "customers")
        select.where("archived_at IS NULL")
        for column in _FILTERS:
            if column in request.model_fields_set:  # null is a wish, for those without one
                select.equal(column, getattr(request, column))
        if request.q is not None:
            select.where("search LIKE {}", pattern(request.q))
        try:
            rows, next_cursor = await select.page(self._database, _ORDERS[request.sort], request.limit, request.cursor)
        except InvalidCursor as error:
            raise Invalid.field("cursor", CustomerReason.INVALID_CURSOR, str(error)) from error
        return CustomerPage.model_validate({"items": [*map(dict, rows)], "next_cursor": next_cursor})

    async def create(self, new: CreateCustomer) -> Customer:
        """The new customer. Raises Conflict where the key is taken, be it by an archived one."""
        values = _with_folded(new.model_dump())
        row = await self._database.fetchrow(
            f"{_insert(values)} ON CONFLICT DO NOTHING RETURNING {_COLUMNS}", *values.values()
        )
        if row is None:
            raise Conflict(CustomerReason.EXISTS, f"the key {new.customer_id} is taken")
        return _customer(row)

    async def update(self, customer_id: str, expected_version: int, changes: Mapping[str, Any]) -> Customer:
        """The customer with the changes, by column, made. Raises NotFound, and Conflict for another version."""
        values = _with_folded(changes)
        assignments = ", ".join(f"{column} = ${number}" for number, column in enumerate(values, start=3))
        row = await self._database.fetchrow(
            f"UPDATE customers SET {assignments}, version = version + 1, updated_at = now()"
            f" WHERE customer_id = $1 AND version = $2 AND archived_at IS NULL RETURNING {_COLUMNS}",
            customer_id,
            expected_version,
            *values.values(),
        )
        if row is None:
            raise _other_version(await self.get(customer_id), expected_version)
        return _customer(row)

    async def archive(self, customer_id: str, expected_version: int | None) -> Customer:
        """The customer, archived now or before. Raises NotFound, and Conflict for another version."""
        row = await self._database.fetchrow(
            "UPDATE customers SET archived_at = now(), version = version + 1, updated_at = now()"
            " WHERE customer_id = $1 AND archived_at IS NULL AND ($2::integer IS NULL OR version = $2)"
            f" RETURNING {_COLUMNS}",
            customer_id,
            expected_version,
        )
        if row is None:
            return await self._archived(customer_id, expected_version)
        return _customer(row)

    async def _archived(self, customer_id: str, expected_version: int | None) -> Customer:
        row = await self._database.fetchrow(f"SELECT {_COLUMNS} FROM customers WHERE customer_id = $1", customer_id)
        if row is None:
            raise not_found(customer_id)
        customer = _customer(row)
        if customer.archived_at is None:
            raise _other_version(customer, expected_version)
        return customer


async def seed(connection: Connection) -> None:
    """Northwind's customers, beside whatever the table has."""
    rows = [_with_folded(row) for row in read_csv("customers_svc", "customers")]
    await connection.executemany(f"{_insert(rows[0])} ON CONFLICT DO NOTHING", [tuple(row.values()) for row in rows])


async def fold_anew(connection: Connection) -> None:
    """Fold every row's text again, where an older version did it otherwise."""
    columns = ", ".join(f"{column}, {column}_folded" for column in _FOLDED)
    rows = connection.cursor(f"SELECT customer_id, {columns} FROM customers", prefetch=1000, timeout=PATIENCE)
    stale = [row async for row in rows if any(fold(row[each] or "") != row[f"{each}_folded"] for each in _FOLDED)]
    assignments = ", ".join(f"{column}_folded = ${number}" for number, column in enumerate(_FOLDED, start=2))
    await connection.executemany(
        f"UPDATE customers SET {assignments} WHERE customer_id = $1",
        [(row["customer_id"], *(fold(row[column] or "") for column in _FOLDED)) for row in stale],
        timeout=PATIENCE,
    )


STEPS: Final = {"0003_order_by_a_part.sql": fold_anew}


def _customer(row: Record) -> Customer:
    return Customer.model_validate(dict(row))


def _with_folded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by column, with the folded text of those that are searched, and ordered by its beginning."""
    return {**values, **{f"{column}_folded": fold(values[column] or "") for column in _FOLDED if column in values}}


def _insert(values: Mapping[str, Any]) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    return f"INSERT INTO customers ({', '.join(values)}) VALUES ({places})"


def not_found(customer_id: str) -> NotFound:
    """What the caller hears of a customer that is not there."""
    return NotFound(CustomerReason.NOT_FOUND, f"there is no customer {customer_id}")


def _other_version(customer: Customer, expected: int | None) -> Conflict:
    return Conflict(
        CustomerReason.VERSION_MISMATCH,
        f"customer {customer.customer_id} is in version {customer.version}, not in {expected}",
    )
