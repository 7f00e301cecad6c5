"""The customers in PostgreSQL: every query of the service. Each rule is enforced in a single statement."""

# the texts are put together from our own columns; what a caller sends travels beside them

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import StringConstraints, TypeAdapter

from contracts.customers import (
    CreateCustomer,
    Customer,
    CustomerChanged,
    CustomerId,
    CustomerPage,
    CustomerReason,
    CustomerSort,
    ListCustomers,
)
from mesh.core.errors import Conflict, Invalid, NotFound
from providers.cursor import Page
from providers.postgres.connections import Connection
from providers.postgres.folded_columns import fold_again, with_folded
from providers.postgres.folding import pattern
from providers.postgres.keyset import Order, Select
from providers.postgres.repository import Table, VersionedRepository, insertion
from providers.postgres.seed import read_csv
from subjects import CUSTOMERS_LIST, EVENTS_CUSTOMERS_CHANGED
from worker.postgres import publish

_COLUMNS = (
    "customer_id, company_name, contact_name, contact_title, address, city, region, postal_code, country, phone, fax,"
    " version, archived_at"
)
_FOLDED = ("company_name", "contact_name", "city", "country")  # searched by a folded column beside each
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


class Customers(VersionedRepository[str, Customer]):
    """The table `customers`. An archived row is used only by `archive`, and to keep its id unique."""

    table = Table(
        "customers",
        "customer_id",
        _COLUMNS,
        in_use="archived_at IS NULL",
        retire="archived_at = now()",
        hides_retired=True,
    )

    async def list(self, request: ListCustomers) -> CustomerPage:
        """A page of the matching customers. Raises Invalid for a cursor of another list."""
        select = Select(f"{_COLUMNS}, company_name_order, city_order, country_order", "customers")
        select.where("archived_at IS NULL")
        for column in _FILTERS:
            if column in request.model_fields_set:  # null is a filter: customers without one
                select.equal(column, getattr(request, column))
        if request.q is not None:
            select.where("search LIKE {}", pattern(request.q))
        page = await self._page(select, _ORDERS[request.sort], Page.of(CUSTOMERS_LIST.subject, request))
        return CustomerPage.model_validate(page)

    async def create(self, new: CreateCustomer) -> Customer:
        """The new customer. Raises Conflict if the id is taken, even by an archived customer."""
        values = with_folded(new.model_dump(), _FOLDED)
        row = await self._database.fetchrow(
            f"{insertion('customers', values)} ON CONFLICT DO NOTHING RETURNING {_COLUMNS}", *values.values()
        )
        if row is None:
            raise Conflict(CustomerReason.EXISTS, f"the customer_id {new.customer_id} is taken")
        return await self._after(dict(row))

    async def update(self, customer_id: str, expected_version: int, changes: Mapping[str, Any]) -> Customer:
        """The customer with changed columns. Raises NotFound, and Conflict for another version."""
        return await self._change(customer_id, expected_version, with_folded(changes, _FOLDED))

    async def archive(self, customer_id: str, expected_version: int | None) -> Customer:
        """The customer, archived now or before. Raises NotFound, and Conflict for another version."""
        return await self._retire(customer_id, expected_version)

    def _row(self, values: Mapping[str, Any]) -> Customer:
        return Customer.model_validate(values)

    async def _changed(self, row: Customer) -> None:
        changed = CustomerChanged(customer_id=row.customer_id, version=row.version)
        await publish(self._database, EVENTS_CUSTOMERS_CHANGED, changed, aggregate=row.customer_id)

    def _is_retired(self, row: Customer) -> bool:
        return row.archived_at is not None

    def _not_found(self, key: str) -> NotFound:
        return not_found(key)

    def _other_version(self, row: Customer, expected: int | None) -> Conflict:
        said = f"customer {row.customer_id} has version {row.version}, not {expected}"
        return Conflict(CustomerReason.VERSION_MISMATCH, said, current_version=row.version)

    def _invalid_cursor(self, why: str) -> Invalid:
        return Invalid.field("cursor", CustomerReason.INVALID_CURSOR, why)


async def seed(connection: Connection) -> None:
    """Insert Northwind's customers. Existing rows stay."""
    rows = [with_folded(row, _FOLDED) for row in read_csv("customers_svc", "customers")]
    sql = f"{insertion('customers', rows[0])} ON CONFLICT DO NOTHING"
    await connection.executemany(sql, [tuple(row.values()) for row in rows])


async def _fold_again(connection: Connection) -> None:
    await fold_again(connection, "customers", "customer_id", _FOLDED)


STEPS: Final = {"0003_order_by_a_part.sql": _fold_again}


def not_found(customer_id: str) -> NotFound:
    """The fault for an unknown customer."""
    return NotFound(CustomerReason.NOT_FOUND, f"there is no customer {customer_id}")
