"""The customers in PostgreSQL: every query of the service. Each rule is enforced in a single statement."""

# the texts are put together from our own columns; what a caller sends travels beside them

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import structlog
from pydantic import Field, StringConstraints, TypeAdapter

from contracts.customers import (
    ArchivedFilter,
    CreateCustomer,
    Customer,
    CustomerChanged,
    CustomerFacets,
    CustomerHistory,
    CustomerId,
    CustomerPage,
    CustomerPatch,
    CustomerReason,
    CustomerSort,
    FacetCustomers,
    GetCustomerHistory,
    ListCustomers,
)
from contracts.customers_import import ImportedRow, ImportOutcome, ImportRows, RowsImported
from customers_svc.imports import EXISTING, FIELDS, LOCKED, Step, first_of_each, inserting, plan, updating
from customers_svc.keys import FIRST_FREE, suggestions
from customers_svc.search import FACETS, RELEVANCE, SEARCH_INDEX, relevance_of
from mesh.core.errors import Conflict, Invalid, NotFound
from providers.cursor import Page
from providers.postgres.connections import Connection
from providers.postgres.folded_columns import fold_again, with_folded
from providers.postgres.folding import pattern
from providers.postgres.keyset import Order, Orders, Select, Text
from providers.postgres.repository import Table, VersionedRepository, insertion
from providers.postgres.seed import read_csv
from providers.postgres.totals import total_of
from subjects import CUSTOMERS_HISTORY, CUSTOMERS_LIST, EVENTS_CUSTOMERS_CHANGED
from worker.postgres import name_caller, publish

log = structlog.get_logger()

_COLUMNS = (
    "customer_id, company_name, contact_name, contact_title, address, city, region, postal_code, country, phone, fax,"
    " version, archived_at, created_at, updated_at"
)
_FOLDED = ("company_name", "contact_name", "city", "country")  # searched by a folded column beside each
_FILTERS = ("country", "city", "region")

_ORDERS = Orders(
    "customer_id",
    {"customer_id": ("customer_id", CustomerId)}
    | {name: (f"{name}_order", Text) for name in ("company_name", "city", "country")},
)
_RELEVANCE = TypeAdapter(tuple[Annotated[str, StringConstraints(pattern="^[0-5]$")], Text, CustomerId])
_BEST_FIRST = Order(("relevance", "company_name_order", "customer_id"), _RELEVANCE)
_LATEST_FIRST = Order(("position",), TypeAdapter(tuple[Annotated[int, Field(ge=1, le=2**63 - 1)]]), descending=True)


class Customers(VersionedRepository[str, Customer]):
    """The table `customers`, and `customer_changes`, which a trigger writes. A write runs in a transaction."""

    table = Table(
        "customers",
        "customer_id",
        _COLUMNS,
        in_use="archived_at IS NULL",
        retire="archived_at = now()",
        restore="archived_at = NULL",
        hides_retired=True,
    )

    async def list(self, request: ListCustomers) -> CustomerPage:
        """A page of the matching customers. Raises Invalid for a cursor of another list."""
        select = Select(f"{_COLUMNS}, company_name_order, city_order, country_order", "customers")
        _filter(select, request)
        total = await total_of(self._database, select) if request.count else {}
        if request.sort == CustomerSort.RELEVANCE:
            select.compute("relevance", RELEVANCE, *relevance_of(request.q))
        order = _BEST_FIRST if request.sort == CustomerSort.RELEVANCE else _ORDERS.of(request.sort)
        page = await self._page(select, order, Page.of(CUSTOMERS_LIST.subject, request))
        return CustomerPage.model_validate({**page, **total})

    async def facets(self, request: FacetCustomers) -> CustomerFacets:
        """How many customers match, and how many have each value."""
        select = Select("country, city, contact_title", "customers")
        _filter(select, request)
        rows = await self._database.fetch(FACETS.format(select.sql), *select.values)
        found: dict[str, Any] = {name: [] for name in ("country", "city", "contact_title")}
        for row in rows:
            if row["facet"] == "total":
                found["total"] = row["count"]
            else:
                found[row["facet"]].append({"value": row["value"], "count": row["count"]})
        return CustomerFacets.model_validate(found)

    async def create(self, new: CreateCustomer) -> Customer:
        """The new customer. Raises Conflict if the id is taken, even by an archived customer."""
        await name_caller(self._database)
        if "customer_id" not in new.model_fields_set:
            return await self._after(await self._insert_under_free_key(new))
        row = await self._insert(new)
        if row is None:
            holder = await self._get(new.customer_id)
            by = " by an archived customer: restore it, or choose another one" if self._is_retired(holder) else ""
            raise Conflict(CustomerReason.EXISTS, f"the customer_id {new.customer_id} is taken{by}")
        return await self._after(row)

    async def _insert(self, new: CreateCustomer) -> dict[str, Any] | None:
        values = with_folded(new.model_dump(), _FOLDED)
        row = await self._database.fetchrow(
            f"{insertion('customers', values)} ON CONFLICT DO NOTHING RETURNING {_COLUMNS}", *values.values()
        )
        return None if row is None else dict(row)

    async def _insert_under_free_key(self, new: CreateCustomer) -> dict[str, Any]:
        for candidates in suggestions(new.company_name):
            while (free := await self._database.fetchrow(FIRST_FREE, candidates)) is not None:
                row = await self._insert(new.model_copy(update={"customer_id": free["customer_id"]}))
                if row is not None:  # else somebody else has just taken it
                    return row
        raise Conflict(CustomerReason.EXISTS, "every customer_id that resembles the name is taken: choose one")

    async def update(self, customer_id: str, expected_version: int, changes: Mapping[str, Any]) -> Customer:
        """The customer with changed columns. Raises NotFound, and Conflict for another version."""
        await name_caller(self._database)
        return await self._change(customer_id, expected_version, with_folded(changes, _FOLDED))

    async def archive(self, customer_id: str, expected_version: int | None) -> Customer:
        """The customer, archived now or before. Raises NotFound, and Conflict for another version."""
        await name_caller(self._database)
        return await self._retire(customer_id, expected_version)

    async def restore(self, customer_id: str, expected_version: int | None) -> Customer:
        """The customer, in use now. Raises NotFound, and Conflict for another version."""
        await name_caller(self._database)
        return await self._restore(customer_id, expected_version)

    async def import_rows(self, request: ImportRows) -> RowsImported:
        """The outcome of each row. A row whose customer another transaction creates meanwhile is planned again."""
        if not request.dry_run:
            await name_caller(self._database)
        left, done = list(range(len(request.rows))), dict[int, ImportedRow]()
        known: dict[str, Mapping[str, Any]] = {}
        while left:
            first = first_of_each(request.rows, left)
            if not (request.dry_run and known):
                known = await self._existing(first, EXISTING if request.dry_run else LOCKED)
            steps = {key: plan(request.rows[position], known.get(key)) for key, position in first.items()}
            if request.dry_run:
                known |= {key: step.values for key, step in steps.items() if step.values}
            else:
                steps = await self._take(steps)
            for key, step in steps.items():
                done[first[key]] = step.told(key)
            left = [position for position in left if position not in done]
        return RowsImported(rows=tuple(done[position] for position in range(len(request.rows))))

    async def _existing(self, keys: Iterable[str], statement: str) -> dict[str, Mapping[str, Any]]:
        rows = await self._database.fetch(statement.format(_COLUMNS), list(keys))
        return {row["customer_id"]: dict(row) for row in rows}

    async def _take(self, steps: Mapping[str, Step]) -> dict[str, Step]:
        """Write the steps, and return those that are done. Left out: creations of customers that now exist."""
        written = await self._write(steps, ImportOutcome.CREATED, inserting)
        written |= await self._write(steps, ImportOutcome.UPDATED, updating)
        changing = {ImportOutcome.CREATED, ImportOutcome.UPDATED}
        return {key: step for key, step in steps.items() if key in written or step.outcome not in changing}

    async def _write(
        self, steps: Mapping[str, Step], outcome: ImportOutcome, statement: Callable[[Sequence[str]], str]
    ) -> set[str]:
        """Write the customers of the steps with this outcome, and their events. Returns the ids of those written."""
        # sorted, so that two imports do not wait for each other
        chosen = {key: steps[key].values for key in sorted(steps) if steps[key].outcome is outcome}
        if not chosen:
            return set()
        names = ("customer_id", *FIELDS, "version")
        rows = [with_folded({name: values[name] for name in names}, _FOLDED) for values in chosen.values()]
        found = await self._database.fetch(statement([*rows[0]]), json.dumps(rows))
        written = {row["customer_id"] for row in found}
        for key, values in chosen.items():
            if key in written:
                await self._changed(self._row(values))
        return written

    async def history(self, request: GetCustomerHistory) -> CustomerHistory:
        """A page of a customer's changes. Raises NotFound, and Invalid for a cursor of another list."""
        await self._get(request.customer_id)
        select = Select("position, version, action, at, user_id, request_id, changes", "customer_changes")
        select.equal("customer_id", request.customer_id)
        page = await self._page(select, _LATEST_FIRST, Page.of(CUSTOMERS_HISTORY.subject, request))
        return CustomerHistory.model_validate({**page, "items": [*map(_change, page["items"])]})

    def _row(self, values: Mapping[str, Any]) -> Customer:
        return Customer.model_validate(values)

    async def _changed(self, row: Customer) -> None:
        changed = CustomerChanged(customer_id=row.customer_id, version=row.version)
        await publish(self._database, EVENTS_CUSTOMERS_CHANGED, changed, aggregate=row.customer_id)

    def _is_retired(self, row: Customer) -> bool:
        return row.archived_at is not None

    def _not_found(self, key: str) -> NotFound:
        return NotFound(CustomerReason.NOT_FOUND, f"there is no customer {key}")

    def _retired(self, row: Customer) -> NotFound:
        return NotFound(CustomerReason.ARCHIVED, f"customer {row.customer_id} is archived")

    def _other_version(self, row: Customer, expected: int | None) -> Conflict:
        said = f"customer {row.customer_id} has version {row.version}, not {expected}"
        return Conflict(CustomerReason.VERSION_MISMATCH, said, current_version=row.version)

    def _invalid_cursor(self, why: str) -> Invalid:
        return Invalid.field("cursor", CustomerReason.INVALID_CURSOR, why)


def _filter(select: Select, request: ListCustomers | FacetCustomers) -> None:
    if request.archived is not ArchivedFilter.INCLUDED:
        select.where(f"archived_at IS {'NOT ' if request.archived is ArchivedFilter.ONLY else ''}NULL")
    for column in _FILTERS:
        if column in request.model_fields_set:  # null is a filter: customers without one
            select.equal(column, getattr(request, column))
    select.between("created_at", request.created_after, request.created_before)
    select.between("updated_at", request.updated_after, request.updated_before)
    if request.q is not None:
        select.where("search LIKE {}", pattern(request.q))


async def seed(connection: Connection) -> None:
    """Insert Northwind's customers. Existing rows stay."""
    rows = [with_folded(row, _FOLDED) for row in read_csv("customers_svc", "customers")]
    sql = f"{insertion('customers', rows[0])} ON CONFLICT DO NOTHING"
    await connection.executemany(sql, [tuple(row.values()) for row in rows])


async def _fold_again(connection: Connection) -> None:
    await fold_again(connection, "customers", "customer_id", _FOLDED)


async def _say_whether_search_is_indexed(connection: Connection) -> None:
    if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", SEARCH_INDEX):
        why = "the server has no extension pg_trgm, or this user may not create it"
        log.warning("search_not_indexed", why=why, effect="a search reads the whole table")


STEPS: Final = {
    "0003_order_by_a_part.sql": _fold_again,
    "0005_trigrams.sql": _say_whether_search_is_indexed,
}


def _change(row: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the history, its fields in the order of the contract."""
    pairs = json.loads(row["changes"])
    names = [name for name in CustomerPatch.model_fields if name in pairs]
    return {**row, "changed": [{"field": name, "before": pairs[name][0], "after": pairs[name][1]} for name in names]}
