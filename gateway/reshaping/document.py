"""OpenAPI's description of the other shapes, on every operation that offers them."""

from collections.abc import Iterable
from typing import Any, Final

from fastapi import FastAPI

from gateway.reshaping.offers import Offer
from gateway.reshaping.wanted import CSV, EXPAND, FIELDS, NDJSON
from gateway.routing.operations import documented

_FIELDS: Final = "The fields to answer with, separated by commas. Without it: all."
_EXPAND: Final = (
    "Objects to answer with beside their ids, and further fields, separated by commas. An unknown object is null."
)
_GUARDED: Final = (401, 403)


def describe(app: FastAPI, offers: Iterable[Offer]) -> None:
    """Add the parameters and the media types. The document is built on first use."""
    document = app.openapi
    known = {offer.path: offer for offer in offers}

    def described() -> dict[str, Any]:
        made = document()
        for path, offer in known.items():
            operation = made["paths"][path]["get"]
            if not any(one["name"] == FIELDS for one in operation.get("parameters", ())):
                _describe(operation, offer)
        return made

    app.openapi = described  # type: ignore[method-assign]  # the documented way to extend it


def _describe(operation: dict[str, Any], offer: Offer) -> None:
    parameters = operation.setdefault("parameters", [])
    parameters.append(_names(FIELDS, _FIELDS, (*offer.names, *offer.beside)))
    responses = operation["responses"]
    if offer.expandable:
        parameters.append(_names(EXPAND, _EXPAND, offer.expandable))
        responses |= {str(status): documented(status) for status in _GUARDED if str(status) not in responses}
    if offer.is_list:
        responses["200"]["content"] |= {kind.decode(): {"schema": {"type": "string"}} for kind in (CSV, NDJSON)}


def _names(name: str, description: str, known: Iterable[str]) -> dict[str, Any]:
    """A list of names in one parameter."""
    schema = {"type": "array", "items": {"type": "string", "enum": list(known)}}
    return {
        "name": name,
        "in": "query",
        "description": description,
        "style": "form",
        "explode": False,
        "schema": schema,
    }
