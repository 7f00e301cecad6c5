"""The shapes of `POST /v1/customers/import`."""

from typing import Annotated

from pydantic import Field

from contracts import customers_import
from contracts.base import Request, Timestamp, Version, absent
from contracts.customers import CompanyName, CustomerId, PersonName, PhoneNumber, Place, PostalCode, Street
from gateway.api.schemas import Flag, Query


class ImportedCustomer(Request):
    """A row of an import, which may be one of an export. A field that is left out stays as it is; null clears it.

    `version`, `created_at` and `updated_at` say which state an exported row is from, and cannot be changed.
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
    version: Version | None = absent()
    archived_at: str | None = absent()
    created_at: Timestamp | None = absent()
    updated_at: Timestamp | None = absent()

    def to_contract(self) -> customers_import.CustomerRow:
        """The row as the service reads it."""
        fields = self.model_dump(exclude_unset=True, exclude={"version", "archived_at"})
        return customers_import.CustomerRow(**fields, expected_version=self.version)


class ImportQuery(Query):
    """How to import."""

    dry_run: Annotated[Flag, Field(description="`true` writes nothing and answers what would be done.")] = False
