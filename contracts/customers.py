"""The payloads of `customers.*`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from contracts.base import (
    NOT_EMPTY,
    Cursor,
    Items,
    Limit,
    Patch,
    Reason,
    Reply,
    Request,
    Search,
    Version,
    absent,
    many,
    text,
)

CustomerId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{5}$")]
"""Northwind's key: five capital letters, such as ALFKI."""
CompanyName = Annotated[str, text(80)]
PersonName = Annotated[str, text(60)]
Street = Annotated[str, text(120)]
Place = Annotated[str, text(60)]
PostalCode = Annotated[str, text(20)]
PhoneNumber = Annotated[str, text(30)]


class CustomerReason(Reason):
    """Why a customers endpoint refuses."""

    NOT_FOUND = "not_found", "customer_not_found"
    EXISTS = "conflict", "customer_exists"
    VERSION_MISMATCH = "conflict", "version_mismatch"
    INVALID_CURSOR = "invalid_argument", "invalid_cursor"


class CustomerSort(StrEnum):
    """The orders of the customers list; `-` is descending, and the key breaks ties."""

    ID = "customer_id"
    ID_DESC = "-customer_id"
    COMPANY_NAME = "company_name"
    COMPANY_NAME_DESC = "-company_name"
    CITY = "city"
    CITY_DESC = "-city"
    COUNTRY = "country"
    COUNTRY_DESC = "-country"


class Customer(Reply):
    """A customer; null where nothing is known."""

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


class CustomerPage(Reply):
    """A part of the customers list."""

    items: Items[Customer]
    next_cursor: str | None


class CustomersFound(Reply):
    """The customers that were found, in the order of the keys asked for, and the keys that nobody has."""

    items: Items[Customer]
    missing: Items[str]


class GetCustomer(Request):
    """One customer by key."""

    customer_id: CustomerId


class GetCustomers(Request):
    """Up to 200 customers by key."""

    customer_ids: Annotated[tuple[CustomerId, ...], many(200), NOT_EMPTY]


class ListCustomers(Request):
    """Customers that match every given filter; archived ones are left out.

    `country`, `city` and `region` compare exactly, and null asks for those without one. `q` is found anywhere in key,
    company, contact, city or country, without regard to case and accents.
    """

    country: Place | None = None
    city: Place | None = None
    region: Place | None = None
    q: Search | None = None
    sort: CustomerSort = CustomerSort.ID
    limit: Limit = 50
    cursor: Cursor | None = None


class CreateCustomer(Request):
    """A new customer under a key of its own."""

    customer_id: CustomerId
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
    """The fields of a customer that may change."""

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
    """Change a customer, if it still is in the version that the caller has seen."""

    customer_id: CustomerId
    expected_version: Version
    patch: CustomerPatch


class ArchiveCustomer(Request):
    """Take a customer out of use; `expected_version`, where given, must be the current one. Twice is no error."""

    customer_id: CustomerId
    expected_version: Version | None = None
