"""Writes a collection for Postman (format 2.1): the session, then every operation by its tag."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ops.collections.requests import Asked, as_text, requests
from ops.collections.session import SESSION, VARIABLES, Step

FIRST: Final = "A first order"
"""The folder with the session."""
_SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_NEW_ADDRESS: Final = 'pm.collectionVariables.set("email", `reader-${Date.now()}@northwind.example`);'


def postman(openapi: Mapping[str, Any]) -> str:
    """The text of the collection."""
    every = {asked.operation: asked for asked in requests(openapi)}
    folders = [{"name": FIRST, "item": [_step(every[step.operation], step) for step in SESSION]}]
    for tag in openapi["tags"]:
        items = [_item(asked, "") for asked in every.values() if asked.tag == tag["name"]]
        folders.append({"name": tag["name"], "description": tag["description"], "item": items})
    collection = {
        "info": {"name": openapi["info"]["title"], "description": openapi["info"]["description"], "schema": _SCHEMA},
        "item": folders,
        "variable": [{"key": name, "value": value} for name, value in {**VARIABLES, "email": ""}.items()],
    }
    return json.dumps(collection, indent=2, ensure_ascii=False) + "\n"


def _step(asked: Asked, step: Step) -> dict[str, Any]:
    item = _item(asked if step.body is None else replace(asked, body=as_text(step.body)), step.query)
    test = [f"pm.test('{step.status}', () => pm.response.to.have.status({step.status}));"]
    test += [
        f'pm.collectionVariables.set("{name}", pm.response.json().{member});' for name, member in step.saved.items()
    ]
    events = [_event("test", test)]
    if step is SESSION[0]:
        events.append(_event("prerequest", [_NEW_ADDRESS]))
    return {**item, "event": events}


def _event(name: str, lines: list[str]) -> dict[str, Any]:
    return {"listen": name, "script": {"type": "text/javascript", "exec": lines}}


def _item(asked: Asked, query: str) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": asked.method,
        "description": asked.description,
        "header": [{"key": name, "value": value} for name, value in asked.headers.items()],
        "url": f"{asked.url}?{query}" if query else asked.url,
    }
    if asked.body is not None:
        request["body"] = {"mode": "raw", "raw": asked.body, "options": {"raw": {"language": "json"}}}
    return {"name": asked.summary, "request": request}
