"""Reads the arguments of a request from the command line: JSON, or a field and its value each."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer

from mesh.core.endpoint import Endpoint

_FIELD: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:?=)(.*)", re.DOTALL)
_NO_SCHEMA: Final[Mapping[str, Any]] = {}


def payload(given: Sequence[str], endpoint: Endpoint[Any, Any] | None) -> bytes:
    """The payload of a request: one JSON text, `-` for standard input, or fields such as customer_id=ALFKI.

    The value of a field is a text where the contract wants one, and otherwise JSON. With `:=` it is JSON always. Raises
    typer.BadParameter for what is neither.
    """
    if not given:
        return b"{}"
    if given == ["-"]:
        return sys.stdin.buffer.read()
    fields = [_FIELD.fullmatch(one) for one in given]
    if len(given) == 1 and fields[0] is None:
        return given[0].encode(errors="surrogateescape")
    shape = endpoint.requests.json_schema() if endpoint else _NO_SCHEMA
    found: dict[str, Any] = {}
    for text, field in zip(given, fields, strict=True):
        if field is None:
            raise typer.BadParameter(f"{text!r} is no field: write customer_id=ALFKI, or all fields as one JSON text")
        name, sign, value = field.groups()
        if name in found:
            raise typer.BadParameter(f"the field {name} is given twice")
        schema = shape.get("properties", {}).get(name, {})
        found[name] = _json(name, value) if sign == ":=" else _value(value, schema, shape)
    return json.dumps(found, ensure_ascii=False).encode(errors="surrogateescape")


def _value(text: str, schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Any:  # noqa: ANN401  # any JSON
    if _takes_text(schema, whole):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _takes_text(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    """Whether a text fits the type of a schema."""
    if reference := schema.get("$ref"):
        return _takes_text(whole.get("$defs", {}).get(reference.rpartition("/")[2], {}), whole)
    several = [one for word in ("anyOf", "oneOf", "allOf") for one in schema.get(word, ())]
    return schema.get("type") == "string" or any(_takes_text(one, whole) for one in several)


def _json(name: str, text: str) -> Any:  # noqa: ANN401  # any JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise typer.BadParameter(f"the value of {name} is no JSON; write {name}={text} for a text") from None
