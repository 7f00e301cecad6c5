"""The payloads of `customers.*`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from contracts.base import (
    NOT_EMPTY,
    Count,
    Cursor,
    Form,
    Items,
    Limit,
    LongCursor,
    Patch,
    Reason,
    Reply,
    Request,
    Search,
    Timestamp,
    Version,
    absent,
    many,
    sort_keys,
    text,
)

CustomerId = Annotated[str, Form(r"^[A-Z]{5}$", "must be five capital letters")]
"""A customer's id: five capital letters, such as ALFKI."""
CompanyName = Annotated[str, text(80)]
PersonName = Annotated[str, text(60)]
Street = Annotated[str, text(120)]
Place = Annotated[str, text(60)]
PostalCode = Annotated[str, text(20)]
PhoneNumber = Annotated[str, text(30)]
LONGEST_FACET: Final = 100
"""Values of one field."""
LONGEST_HISTORY_PAGE: Final = 40
"""Changes. Each has every field twice at most, so that a page stays below the usual limit of a reply."""


class CustomerReason(Reason):
    """Reasons of the faults of customers."""

    NOT_FOUND = "not_found", "customer_not_found"
    ARCHIVED = "not_found", "customer_archived"
    EXISTS = "conflict", "customer_exists"
    VERSION_MISMATCH = "conflict", "version_mismatch"
    INVALID_CURSOR = "invalid_argument", "invalid_cursor"


class CustomerSort(StrEnum):
    """The customers list sorted by one field. `-` sorts descending; the id breaks ties.

    `relevance`: how well `q` fits. First the id, then the company, its beginning, one of its words, one of the
    contact's names, then the rest; by company if equal.
    """

    ID = "customer_id"
    ID_DESC = "-customer_id"
    COMPANY_NAME = "company_name"
    COMPANY_NAME_DESC = "-company_name"
    CITY = "city"
    CITY_DESC = "-city"
    COUNTRY = "country"
    COUNTRY_DESC = "-country"
    RELEVANCE = "relevance"


CustomerOrder = Annotated[str, sort_keys(CustomerSort, alone=CustomerSort.RELEVANCE)]
"""An order of the customers list: `relevance`, or up to three fields with commas between them."""


class ArchivedFilter(StrEnum):
    """Whether a list has archived customers: none, these too, these alone."""

    LEFT_OUT = "false"
    INCLUDED = "true"
    ONLY = "only"


class Customer(Reply):
    """A customer. Unknown fields are null."""

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
    archived_at: datetime | None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    """When it got this version."""


class CustomerPage(Reply):
    """A page of the customers list."""

    items: Items[Customer]
    next_cursor: str | None
    total: Count | None = None
    """How many match on all pages, if the request has `count`."""
    total_estimated: bool = False
    """Whether `total` is an estimate."""


class FacetValue(Reply):
    """A value of a field, and how many customers have it. Null: they have none."""

    value: str | None
    count: Count


Facet = Annotated[tuple[FacetValue, ...], Field(max_length=LONGEST_FACET)]
"""The values of a field, the most frequent first; at most LONGEST_FACET."""


class CustomerFacets(Reply):
    """How many customers match, and how many of these have each country, city and title."""

    total: Count
    country: Facet
    city: Facet
    contact_title: Facet


class CustomersFound(Reply):
    """The customers that exist, in the order of the request, and the ids that do not."""

    items: Items[Customer]
    missing: Items[str]


class CustomerAction(StrEnum):
    """What was done to a customer."""

    CREATED = "created"
    UPDATED = "updated"
    ARCHIVED = "archived"
    RESTORED = "restored"


class FieldChange(Reply):
    """A field of a customer, before and after a change."""

    field: str
    before: str | None
    after: str | None


class CustomerVersion(Reply):
    """A version of a customer, and what led to it. `user_id` and `request_id` are null if no request did."""

    version: Version
    action: CustomerAction
    at: datetime
    user_id: str | None
    request_id: str | None
    changed: tuple[FieldChange, ...]


class CustomerHistory(Reply):
    """A page of the changes of a customer, the latest first."""

    items: Annotated[tuple[CustomerVersion, ...], Field(max_length=LONGEST_HISTORY_PAGE)]
    next_cursor: str | None


class GetCustomer(Request):
    """Get one customer by id."""

    customer_id: CustomerId


class GetCustomers(Request):
    """Get up to 200 customers by id."""

    customer_ids: Annotated[tuple[CustomerId, ...], many(200), NOT_EMPTY]


class ListCustomers(Request):
    """List the customers that match every given filter. Archived customers are left out, unless `archived` says so.

    `country`, `city` and `region` match exactly; null finds customers without one. `q` finds text in id, company,
    contact, city or country; case and accents are ignored. `sort` has up to three fields with commas between them:
    `country,-company_name`. `-` sorts descending. The id breaks ties.

    `created_after` and `updated_after` find customers of this moment or later, `created_before` and `updated_before`
    those from before it.

    `count` asks for the total of all pages: exact up to 10,000, or else PostgreSQL's estimate.
    """

    country: Place | None = None
    city: Place | None = None
    region: Place | None = None
    q: Search | None = None
    archived: ArchivedFilter = ArchivedFilter.LEFT_OUT
    created_after: Timestamp | None = None
    created_before: Timestamp | None = None
    updated_after: Timestamp | None = None
    updated_before: Timestamp | None = None
    sort: CustomerOrder = CustomerSort.ID.value
    limit: Limit = 50
    cursor: LongCursor | None = None
    count: bool = False


class FacetCustomers(Request):
    """Count the customers that match every given filter, as `ListCustomers` has them."""

    country: Place | None = None
    city: Place | None = None
    region: Place | None = None
    q: Search | None = None
    archived: ArchivedFilter = ArchivedFilter.LEFT_OUT
    created_after: Timestamp | None = None
    created_before: Timestamp | None = None
    updated_after: Timestamp | None = None
    updated_before: Timestamp | None = None


class CreateCustomer(Request):
    """Create a customer. Without `customer_id` the service chooses one that resembles the company's name."""

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


class CustomerPatch(Patch):
    """The fields of a customer to change."""

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


class UpdateCustomer(Request):
    """Change a customer if its version is `expected_version`."""

    customer_id: CustomerId
    expected_version: Version
    patch: CustomerPatch


class ArchiveCustomer(Request):
    """Archive a customer. If `expected_version` is given, it must be the current one. Repeating this has no effect."""

    customer_id: CustomerId
    expected_version: Version | None = None


class RestoreCustomer(Request):
    """Use an archived customer again. If `expected_version` is given, it must be the current one.

    Repeating this has no effect.
    """

    customer_id: CustomerId
    expected_version: Version | None = None


class GetCustomerHistory(Request):
    """Who changed what of a customer, when, and by which request. An archived customer has its history too."""

    customer_id: CustomerId
    limit: Annotated[int, Field(ge=1, le=LONGEST_HISTORY_PAGE)] = 20
    cursor: Cursor | None = None


class CustomerChanged(Reply):
    """A customer was created, changed, archived or restored, and has this version now."""

    customer_id: CustomerId
    version: Version
