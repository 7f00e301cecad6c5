"""The resources that the mesh of fakes has."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from contracts import auth, auth_audit, customers, products, products_categories, products_suppliers, shipping

ALFKI: Final = customers.Customer(
    customer_id="ALFKI",
    company_name="Alfreds Futterkiste",
    contact_name="Maria Anders",
    contact_title="Sales Representative",
    address="Obere Str. 57",
    city="Berlin",
    region=None,
    postal_code="12209",
    country="Germany",
    phone="030-0074321",
    fax="030-0076545",
    version=3,
    archived_at=None,
    created_at=datetime(2026, 12, 1, tzinfo=UTC),
    updated_at=datetime(2026, 12, 1, 8, 30, 0, 250000, tzinfo=UTC),
)
HISTORY: Final = customers.CustomerHistory(
    items=(
        customers.CustomerVersion(
            version=2,
            action=customers.CustomerAction.UPDATED,
            at=datetime(2026, 12, 1, tzinfo=UTC),
            user_id="u1",
            request_id="r1",
            changed=(customers.FieldChange(field="city", before="Bonn", after=None),),
        ),
    ),
    next_cursor=None,
)
CHAI: Final = products.Product(
    product_id=1,
    product_name="Chai",
    supplier_id=1,
    category_id=1,
    quantity_per_unit="10 boxes x 20 bags",
    unit_price=Decimal("18.00"),
    units_in_stock=39,
    units_on_order=0,
    reorder_level=10,
    discontinued=False,
    version=3,
    created_at=datetime(2026, 12, 1, tzinfo=UTC),
    updated_at=datetime(2026, 12, 1, 8, 30, 0, 250000, tzinfo=UTC),
)
BEVERAGES: Final = products_categories.Category(category_id=1, category_name="Beverages", description=None, version=3)
EXOTIC_LIQUIDS: Final = products_suppliers.Supplier(
    supplier_id=1,
    company_name="Exotic Liquids",
    contact_name="Charlotte Cooper",
    contact_title=None,
    address="49 Gilbert St.",
    city="London",
    region=None,
    postal_code="EC1 4SD",
    country="UK",
    phone=None,
    fax=None,
    homepage=None,
    version=3,
)
NANCY: Final = auth.User(
    user_id="u1", email="nancy@northwind.example", roles=("USER",), created_at=datetime(2026, 7, 1, tzinfo=UTC)
)
SESSION: Final = auth.Session(
    session_id="0" * 32,
    created_at=NANCY.created_at,
    last_used_at=NANCY.created_at,
    expires_at=NANCY.created_at,
    client_address="203.0.113.7",
    current=True,
)
ENTRY: Final = auth_audit.AuditEntry(
    entry_id="1" * 32,
    at=NANCY.created_at,
    action=auth.AuditAction.LOGGED_IN,
    actor_id="u1",
    subject_id="u1",
    client_address="203.0.113.7",
    request_id="r1",
    detail=None,
)
SHIPMENT: Final = shipping.Shipment(
    shipment_id=1,
    order_id=11078,
    status=shipping.ShipmentStatus.DISPATCHED,
    user_id=NANCY.user_id,
    customer_id=None,
    shipper_id=3,
    shipper_name="Federal Shipping",
    tracking_number="NW00000110783",
    created_at=datetime(2026, 7, 1, 9, 30, tzinfo=UTC),
    dispatched_at=datetime(2026, 7, 2, 8, 0, tzinfo=UTC),
    delivered_at=None,
    stopped_at=None,
    ship_name=None,
    ship_address=None,
    ship_city=None,
    ship_region=None,
    ship_postal_code=None,
    ship_country=None,
    lines=(shipping.ShipmentLine(product_id=1, product_name="Chai", quantity=2),),
    version=3,
    updated_at=datetime(2026, 7, 2, 8, 0, tzinfo=UTC),
)
TOKENS: Final = auth.Tokens(access_token="a.b.c", expires_in=900, refresh_token="r" * 32)
