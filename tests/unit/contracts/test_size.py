"""The longest request that a contract allows fits the endpoint's bound, in the longest way to write it."""

import json
import re
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.base import MONEY_PATTERN, Timestamp
from contracts.customers import CustomerSort, ListCustomers
from contracts.products import ListProducts, ProductSort
from contracts.products_prices import DIFFERENCE_PATTERN
from mesh.core.endpoint import Endpoint
from subjects import (
    CUSTOMERS_GET_MANY,
    CUSTOMERS_IMPORT_ROWS,
    ENDPOINTS,
    ORDERS_GET_MANY,
    ORDERS_PLACE,
    PRODUCTS_GET_MANY,
    PRODUCTS_STOCK_RESERVE,
)
from tests.support.northwind.sorting import orders

Schema = dict[str, Any]
LISTS = [
    (CUSTOMERS_GET_MANY, "customer_ids"),
    (CUSTOMERS_IMPORT_ROWS, "rows"),
    (PRODUCTS_GET_MANY, "product_ids"),
    (PRODUCTS_STOCK_RESERVE, "lines"),
    (ORDERS_PLACE, "lines"),
    (ORDERS_GET_MANY, "order_ids"),
]
_LONGEST: dict[str, str] = {
    MONEY_PATTERN: "99999999.99",
    DIFFERENCE_PATTERN: "-99999999.99",
    TypeAdapter(Timestamp).json_schema()["pattern"]: "2999-12-31T23:59:59.999999Z",
} | {
    request.model_json_schema()["properties"]["sort"]["pattern"]: max(orders(single), key=len)
    for request, single in ((ListCustomers, CustomerSort), (ListProducts, ProductSort))
}
_CHARACTERS = ("\N{GRINNING FACE}", "\N{GRINNING FACE}@", "A", "0")


def longest(schema: Schema, definitions: Schema) -> Any:  # noqa: ANN401  # whatever the schema describes
    """A value that no other is longer than when it is written as JSON."""
    match schema:
        case {"$ref": str(name)}:
            value = longest(definitions[name.rpartition("/")[2]], definitions)
        case {"anyOf": options}:
            value = max((longest(one, definitions) for one in options), key=lambda value: len(written(value)))
        case {"enum": values}:
            value = max(values, key=len)
        case {"type": "object"}:
            properties = schema.get("properties", {})
            value = {name: longest(one, definitions) for name, one in properties.items()}
        case {"type": "array", "maxItems": most, "items": items}:
            value = [longest(items, definitions)] * most
        case {"type": "string"}:
            value = _text(schema)
        case {"type": other}:
            value = {"integer": schema.get("maximum"), "boolean": False, "null": None}[other]
    return value


def _text(schema: Schema) -> str:
    pattern = schema.get("pattern", "")
    if schema.get("format") == "date":
        return "9999-12-31"
    if pattern in _LONGEST:
        return _LONGEST[pattern]
    length = schema.get("maxLength") or int(re.findall(r"\{(\d+)\}", pattern)[-1])
    if pattern.startswith("^https?://"):
        return "https://".ljust(length, "!")
    for characters in _CHARACTERS:
        text = characters[0] * (length - len(characters) + 1) + characters[1:]
        text = text if "@" not in characters else text[:-1][1:] + "@" + characters[0]
        if re.search(pattern, text):
            return text
    return next(one * length for one in "a0" if re.search(pattern, one * length))


def written(value: Any) -> bytes:  # noqa: ANN401  # any JSON
    """The value as JSON with each character of each text escaped, which no writer has to avoid."""
    match value:
        case dict():
            return b"{" + b",".join(written(name) + b":" + written(one) for name, one in value.items()) + b"}"
        case list():
            return b"[" + b",".join(map(written, value)) + b"]"
        case str():
            units = value.encode("utf-16-be")
            return b'"' + b"".join(b"\\u%02x%02x" % pair for pair in zip(units[::2], units[1::2], strict=True)) + b'"'
    return json.dumps(value).encode()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.subject)
def test_the_longest_request_fits(endpoint: Endpoint[Any, Any]) -> None:
    schema = endpoint.requests.json_schema()
    body = written(longest(schema, schema.get("$defs", {})))
    endpoint.requests.validate_json(body)
    assert len(body) <= endpoint.max_request


@pytest.mark.parametrize(
    ("endpoint", "field"),
    [(CUSTOMERS_GET_MANY, "customer_ids"), (PRODUCTS_GET_MANY, "product_ids"), (ORDERS_GET_MANY, "order_ids")],
)
@pytest.mark.parametrize("count", [1, 200, 100_000])
def test_the_first_wrong_one_of_many_ends_the_reading(endpoint: Endpoint[Any, Any], field: str, count: int) -> None:
    with pytest.raises(ValidationError) as wrong:
        endpoint.requests.validate_json(json.dumps({field: ["odd"] * count}))
    assert 1 == wrong.value.error_count()
    endpoint.requests.validate_json(json.dumps({field: longest_ids(endpoint)}))
    with pytest.raises(ValidationError, match="too_short"):
        endpoint.requests.validate_json(json.dumps({field: []}))
    with pytest.raises(ValidationError, match="too_long"):
        endpoint.requests.validate_json(json.dumps({field: [*longest_ids(endpoint), longest_ids(endpoint)[0]]}))


def longest_ids(endpoint: Endpoint[Any, Any]) -> list[Any]:
    (ids,) = longest(endpoint.requests.json_schema(), {}).values()
    return list(ids)


def test_every_list_in_a_request_is_read_so() -> None:
    for endpoint in ENDPOINTS:
        schema = TypeAdapter(endpoint.request).json_schema()
        for name, field in schema.get("properties", {}).items():
            if field.get("type") == "array":
                assert (endpoint, name) in LISTS
