"""The shapes of `/v1/customers`."""

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from contracts import customers
from contracts.base import Count, Items, Patch, Request, Search, Version, absent
from contracts.customers import (
    LONGEST_FACET,
    LONGEST_HISTORY_PAGE,
    ArchivedFilter,
    CompanyName,
    CustomerAction,
    CustomerId,
    CustomerOrder,
    CustomerSort,
    PersonName,
    PhoneNumber,
    Place,
    PostalCode,
    Street,
)
from gateway.api.picking import Letters
from gateway.api.schemas import (
    DATES_SHOWN,
    CreatedAfter,
    CreatedBefore,
    InDigits,
    LongPageCursor,
    PageCursor,
    PageLimit,
    Query,
    Shown,
    Total,
    TotalEstimated,
    UpdatedAfter,
    UpdatedBefore,
    WithTotal,
)

_ALFKI: JsonDict = {
    "customer_id": "ALFKI",
    "company_name": "Alfreds Futterkiste",
    "contact_name": "Maria Anders",
    "contact_title": "Sales Representative",
    "address": "Obere Str. 57",
    "city": "Berlin",
    "region": None,
    "postal_code": "12209",
    "country": "Germany",
    "phone": "030-0074321",
    "fax": "030-0076545",
}
_NEW: JsonDict = {**_ALFKI, "customer_id": "NORDW", "company_name": "Nordwind Imbiss", "phone": "030-0071234"}
_REPLACEMENT: JsonDict = {name: value for name, value in _ALFKI.items() if name != "customer_id"}


class Customer(Shown[customers.Customer]):
    """A customer. Unknown fields are null."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_ALFKI, "version": 1, **DATES_SHOWN}]})

    customer_id: CustomerId
    company_name: str
    contact_name: str | None
    contact_title: str | None
    address: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None
    phone: str | None
    fax: str | None
    version: Version
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ListedCustomer(Customer):
    """A customer of a list, which may be archived. A customer that is read by its id is not."""

    archived_at: datetime | None


class CustomerPage(Shown[customers.CustomerPage]):
    """A page of the customers list. The last page has no `next_cursor`."""

    items: Items[ListedCustomer]
    next_cursor: str | None
    total: Total = None
    total_estimated: TotalEstimated = False


class CustomersFound(Shown[customers.CustomersFound]):
    """The customers of `ids` that exist."""

    items: Items[ListedCustomer]


def _none_if_null(value: object) -> object:
    return None if value == "null" else value


PlaceFilter = Annotated[
    Place | None,
    BeforeValidator(_none_if_null),
    Field(description="Exact match. `null` finds customers without one."),
]


class CustomerFilters(Query):
    """Which customers to count."""

    country: PlaceFilter = None
    city: PlaceFilter = None
    region: PlaceFilter = None
    q: Annotated[
        Search | None,
        Field(description="Text in id, company, contact, city or country. Case and accents are ignored."),
    ] = None
    archived: Annotated[
        ArchivedFilter, Field(description="`true` includes archived customers, `only` lists these alone.")
    ] = ArchivedFilter.LEFT_OUT
    created_after: CreatedAfter = None
    created_before: CreatedBefore = None
    updated_after: UpdatedAfter = None
    updated_before: UpdatedBefore = None

    def to_facets(self) -> customers.FacetCustomers:
        """The request to the service. An omitted filter is not set; null is a filter."""
        return customers.FacetCustomers(**self.model_dump(exclude_unset=True))


class CustomerQuery(CustomerFilters):
    """Filters, order and page of the customers list."""

    sort: Annotated[
        CustomerOrder,
        Field(
            description="Up to three of `customer_id`, `company_name`, `city`, `country`, with commas between them. `-`"
            " sorts descending. Or `relevance`: how well `q` fits, the best first.",
            examples=["country,-company_name"],
        ),
    ] = CustomerSort.ID.value
    limit: PageLimit = 50
    cursor: LongPageCursor = None
    count: WithTotal = False
    ids: Letters = None

    def to_contract(self) -> customers.ListCustomers:
        """The request to the service. An omitted filter is not set; null is a filter."""
        return customers.ListCustomers(**self.model_dump(exclude_unset=True))


class FacetValue(Shown[customers.FacetValue]):
    """A value, and how many customers have it. Null: they have none."""

    value: str | None
    count: Count


Facet = Annotated[tuple[FacetValue, ...], Field(max_length=LONGEST_FACET)]


class CustomerFacets(Shown[customers.CustomerFacets]):
    """How many customers match, and how many have each of the most frequent values, at most 100 for each field."""

    total: Count
    country: Facet
    city: Facet
    contact_title: Facet


class FieldChange(Shown[customers.FieldChange]):
    """A field before and after a change. Null: it has no value."""

    field: str
    before: str | None
    after: str | None


class CustomerVersion(Shown[customers.CustomerVersion]):
    """A version of a customer, and what led to it. `user_id` and `request_id` are null if no request did."""

    version: Version
    action: CustomerAction
    at: datetime
    user_id: str | None
    request_id: str | None
    changed: tuple[FieldChange, ...]


class CustomerHistory(Shown[customers.CustomerHistory]):
    """A page of the changes of a customer. The last page has no `next_cursor`."""

    items: Annotated[tuple[CustomerVersion, ...], Field(max_length=LONGEST_HISTORY_PAGE)]
    next_cursor: str | None


class HistoryQuery(Query):
    """The page of a customer's changes."""

    limit: Annotated[int, Field(ge=1, le=LONGEST_HISTORY_PAGE), InDigits] = 20
    cursor: PageCursor = None

    def to_contract(self, customer_id: str) -> customers.GetCustomerHistory:
        """The request to the service."""
        return customers.GetCustomerHistory(customer_id=customer_id, **self.model_dump(exclude_unset=True))


class NewCustomer(Request):
    """A customer to create. Without `customer_id` it gets one that resembles its name."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW]})

    customer_id: CustomerId = absent()
    company_name: CompanyName
    contact_name: PersonName | None = None
    contact_title: PersonName | None = None
    address: Street | None = None
    city: Place | None = None
    region: Place | None = None
    postal_code: PostalCode | None = None
    country: Place | None = None
    phone: PhoneNumber | None = None
    fax: PhoneNumber | None = None

    def to_contract(self) -> customers.CreateCustomer:
        """The request to the service."""
        return customers.CreateCustomer(**self.model_dump(exclude_unset=True))


class CustomerChange(Patch):
    """The fields to change. Null clears a field; an omitted one stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"city": "Potsdam", "fax": None}]})

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

    def to_contract(self) -> customers.CustomerPatch:
        """The change as the service reads it."""
        return customers.CustomerPatch(**self.changes())


class CustomerReplacement(Request):
    """A customer as a whole. A field that is omitted becomes null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REPLACEMENT]})

    company_name: CompanyName
    contact_name: PersonName | None = None
    contact_title: PersonName | None = None
    address: Street | None = None
    city: Place | None = None
    region: Place | None = None
    postal_code: PostalCode | None = None
    country: Place | None = None
    phone: PhoneNumber | None = None
    fax: PhoneNumber | None = None

    def to_contract(self) -> customers.CustomerPatch:
        """The change of every field, as the service reads it."""
        return customers.CustomerPatch(**self.model_dump())
