"""Each endpoint's longest valid reply is within the endpoint's limit, so that the limit refuses no honest worker."""

import types
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import pytest
from annotated_types import MaxLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from auth_svc.repository import sessions
from contracts.customers import CreateCustomer
from contracts.orders import MOST_LINES, MOST_LINES_TOGETHER, Order
from contracts.products import CreateProduct
from contracts.products_categories import CreateCategory
from contracts.products_prices import MOST_CHANGES
from contracts.products_stock import AdjustStock
from mesh.core.endpoint import MAX_LIST_REPLY, MAX_REPLY, Endpoint
from subjects import (
    AUTH_JWKS,
    AUTH_SESSIONS_REVOKED,
    CARTS_CHECKOUT,
    CUSTOMERS_FACETS,
    CUSTOMERS_GET_MANY,
    CUSTOMERS_IMPORT_ROWS,
    CUSTOMERS_LIST,
    ENDPOINTS,
    ORDERS_CANCEL,
    ORDERS_GET,
    ORDERS_GET_MANY,
    ORDERS_PLACE,
    PRODUCTS_BULK_CHANGE,
    PRODUCTS_STOCK_COMMIT,
    PRODUCTS_STOCK_RELEASE,
    PRODUCTS_STOCK_RESERVE,
    PRODUCTS_SUPPLIERS_LIST,
    SHIPPING_DELIVER,
    SHIPPING_DISPATCH,
    SHIPPING_GET,
)

_NAME: Final = "^[a-z_]+$"
_WIDEST: Final = "\x01"
"""Six bytes of JSON, as no other character has."""
_PAGE: Final = 200
_COUNTS: Final = {
    "items": _PAGE,
    "missing": _PAGE,
    "left_out": _PAGE,
    "errors": 1,
    "roles": 2,
    "keys": 100,
    "session_ids": sessions.REVOKED_PAGE,
    "lines": 100,
    "short": 100,
    "steps": 6,
    "changes": 3,
    "changed": 10,
    "prices": MOST_CHANGES,
}
_TEXTS: Final = {
    **{
        name: part["maxLength"]
        for shape in (CreateCustomer, CreateProduct, CreateCategory, AdjustStock)
        for name, field in shape.model_json_schema()["properties"].items()
        for part in [field, *field.get("anyOf", ())]
        if "maxLength" in part
    },
    "email": 254,
    **dict.fromkeys(("before", "after"), 58),  # of a customer's ten fields, on average
    "value": 60,
    # An order is shipped to a customer's address.
    "ship_name": 80,
    "ship_address": 120,
    "ship_postal_code": 20,
    **dict.fromkeys(("ship_city", "ship_region", "ship_country"), 60),
}
_PLAIN: Final = {
    "homepage": 2 * 120,  # printable ASCII: two bytes of JSON at most
    **dict.fromkeys(("user_id", "session_id", "entry_id", "actor_id", "subject_id", "notification_id"), 32),
    "session_ids": 32,
    "customer_id": 5,
    "field": 13,
    "missing": 5,
    "roles": 5,
    "next_cursor": 3072,
    "access_token": 4096,
    "refresh_token": 200,
    "kid": 43,
    "x": 43,
    "client_address": 45,
    "request_id": 128,
    "detail": 64,
    "event_id": 36,
    "tracking_number": 64,
    "message": 64,
    "shipper_name": 80,
}


def longest(annotation: Any, name: str) -> Any:  # noqa: ANN401, PLR0911  # a value of whatever type the field has
    """The value of this field that takes the most bytes."""
    arguments = get_args(annotation)
    match get_origin(annotation):
        case origin if origin is Annotated:
            return longest_of(FieldInfo.from_annotation(annotation), name)
        case origin if origin in (Union, types.UnionType):
            return longest(next((one for one in arguments if one is not type(None)), None), name)
        case origin if origin is tuple:
            return (longest(arguments[0], name),) * _COUNTS[name]
        case origin if origin is Literal:
            return max(arguments, key=lambda one: len(str(one)))
    match annotation:
        case type() if issubclass(annotation, BaseModel):
            fields = annotation.model_fields.items()
            return annotation.model_construct(**{name: longest_of(field, name) for name, field in fields})
        case type() if issubclass(annotation, StrEnum):
            return max(annotation, key=len)
        case type() if annotation is str:
            return _WIDEST * _TEXTS[name] if name in _TEXTS else "x" * _PLAIN[name]
    values: dict[object, object] = {
        int: 2**31 - 1,
        bool: False,
        Decimal: Decimal("99999999.99"),
        datetime: _AT,
        date: _AT.date(),
    }
    return values.get(annotation)


def longest_of(field: FieldInfo, name: str) -> Any:  # noqa: ANN401  # as above
    """The same of a field, which may bound its text itself."""
    bound = most(field)
    if bound and get_origin(field.annotation) is tuple:
        return (longest(get_args(field.annotation)[0], name),) * bound
    if not bound or field.annotation is not str:
        return longest(field.annotation, name)
    return ("x" if is_name(field) else _WIDEST) * bound


def most(field: FieldInfo) -> int:
    """The most characters or members; 0 if the field sets no bound."""
    return next((one.max_length for one in field.metadata if isinstance(one, MaxLen)), 0)


def is_name(field: FieldInfo) -> bool:
    """Whether each character of the text takes one byte."""
    return _NAME in (getattr(one, "pattern", None) for one in field.metadata)


_AT: Final = datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.subject)
def test_the_longest_valid_reply_fits(endpoint: Endpoint[Any, Any]) -> None:
    value = longest(endpoint.reply, "")
    if endpoint is ORDERS_GET_MANY:
        value = value.model_copy(update={"items": as_full(value.items), "left_out": ()})
    assert len(endpoint.replies.serializer.to_json(value)) <= endpoint.max_reply


def as_full(items: tuple[Order, ...]) -> tuple[Order, ...]:
    """The orders with as many lines as a reply may have together."""
    full = MOST_LINES_TOGETHER // MOST_LINES
    return (*items[:full], *(one.model_copy(update={"lines": (), "short": ()}) for one in items[full:]))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.subject)
def test_no_limit_is_much_wider_than_its_shape_needs(endpoint: Endpoint[Any, Any]) -> None:
    expected = MAX_LIST_REPLY if "items" in endpoint.reply.model_fields else MAX_REPLY
    longer = {AUTH_JWKS: 64, AUTH_SESSIONS_REVOKED: 400, CUSTOMERS_FACETS: 128, PRODUCTS_BULK_CHANGE: 128}
    longer |= dict.fromkeys((ORDERS_PLACE, ORDERS_GET, ORDERS_CANCEL, CARTS_CHECKOUT), 96)
    longer |= dict.fromkeys((SHIPPING_GET, SHIPPING_DISPATCH, SHIPPING_DELIVER, CUSTOMERS_IMPORT_ROWS), 64)
    longer |= dict.fromkeys((PRODUCTS_STOCK_RESERVE, PRODUCTS_STOCK_RELEASE, PRODUCTS_STOCK_COMMIT), 16)
    longer |= dict.fromkeys((CUSTOMERS_LIST, CUSTOMERS_GET_MANY, PRODUCTS_SUPPLIERS_LIST), 800)
    longer[ORDERS_GET_MANY] = 960
    assert (longer[endpoint] * 1024 if endpoint in longer else expected) == endpoint.max_reply
