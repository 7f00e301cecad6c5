"""The payloads of `products.suppliers.*`."""

from typing import Annotated

from contracts.base import Cursor, Form, Id, Items, Limit, Patch, Reply, Request, Version, absent
from contracts.customers import CompanyName, PersonName, PhoneNumber, Place, PostalCode, Street

Homepage = Annotated[str, Form(r"^[ -~]*[!-~][ -~]*$", "must be printable ASCII, not only spaces", 1, 120)]


class Supplier(Reply):
    """A supplier of products. Unknown fields are null."""

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


class SupplierPage(Reply):
    """A page of the suppliers list, by id."""

    items: Items[Supplier]
    next_cursor: str | None


class GetSupplier(Request):
    """Get one supplier by id."""

    supplier_id: Id


class ListSuppliers(Request):
    """List suppliers by id."""

    limit: Limit = 50
    cursor: Cursor | None = None


class CreateSupplier(Request):
    """Create a supplier. The service assigns its id."""

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


class SupplierPatch(Patch):
    """The fields of a supplier to change."""

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


class UpdateSupplier(Request):
    """Change a supplier if its version is `expected_version`."""

    supplier_id: Id
    expected_version: Version
    patch: SupplierPatch


class SupplierChanged(Reply):
    """A supplier was created or changed, and has this version now."""

    supplier_id: Id
    version: Version
