"""The shapes of `/v1/suppliers`."""

from pydantic import ConfigDict
from pydantic.config import JsonDict

from contracts import products_suppliers as contract
from contracts.base import Id, Items, Patch, Request, Version, absent
from contracts.customers import CompanyName, PersonName, PhoneNumber, Place, PostalCode, Street
from contracts.products_suppliers import Homepage
from gateway.api.schemas import Shown

_NEW_EXOTIC_LIQUIDS: JsonDict = {
    "company_name": "Exotic Liquids",
    "contact_name": "Charlotte Cooper",
    "contact_title": "Purchasing Manager",
    "address": "49 Gilbert St.",
    "city": "London",
    "region": None,
    "postal_code": "EC1 4SD",
    "country": "UK",
    "phone": "(171) 555-2222",
    "fax": None,
    "homepage": None,
}
_EXOTIC_LIQUIDS: JsonDict = {"supplier_id": 1, **_NEW_EXOTIC_LIQUIDS, "version": 1}


class Supplier(Shown[contract.Supplier]):
    """A supplier of contract. Unknown fields are null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXOTIC_LIQUIDS]})

    supplier_id: Id
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
    homepage: str | None
    version: Version


class SupplierPage(Shown[contract.SupplierPage]):
    """A page of the suppliers list. The last page has no `next_cursor`."""

    items: Items[Supplier]
    next_cursor: str | None


class NewSupplier(Request):
    """A supplier to create. The service assigns its id."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW_EXOTIC_LIQUIDS]})

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
    homepage: Homepage | None = None

    def to_contract(self) -> contract.CreateSupplier:
        """The request to the service."""
        return contract.CreateSupplier(**self.model_dump(exclude_unset=True))


class SupplierChange(Patch):
    """The fields to change. Null clears a field; an omitted one stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"city": "Bristol", "fax": None}]})

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
    homepage: Homepage | None = absent()

    def to_contract(self) -> contract.SupplierPatch:
        """The change as the service reads it."""
        return contract.SupplierPatch(**self.changes())


class SupplierReplacement(Request):
    """A supplier as a whole. A field that is omitted becomes null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW_EXOTIC_LIQUIDS]})

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
    homepage: Homepage | None = None

    def to_contract(self) -> contract.SupplierPatch:
        """The change of every field, as the service reads it."""
        return contract.SupplierPatch(**self.model_dump())
