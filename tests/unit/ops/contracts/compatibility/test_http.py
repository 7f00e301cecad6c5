"""Each change of the OpenAPI document is judged and told as the table says. The old one is a small API."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from ops.contracts.compatibility.http import http

Document = dict[str, Any]

THING: Final = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
    "required": ["name"],
}
PATH: Final = "/v1/things/{thing_id}"
OLD: Final[Document] = {
    "components": {"schemas": {"Thing": THING, "Change": {**THING, "additionalProperties": False, "required": []}}},
    "paths": {
        PATH: {
            "parameters": [{"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 200}}],
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                        "headers": {"ETag": {"schema": {"type": "string"}}},
                    },
                    "404": {},
                },
            },
            "patch": {
                "security": [{"bearer": []}],
                "requestBody": {
                    "required": True,
                    "content": {
                        media: {"schema": {"$ref": "#/components/schemas/Change"}}
                        for media in ("application/json", "application/merge-patch+json")
                    },
                },
                "parameters": [{"name": "If-Match", "in": "header", "schema": {"type": "string"}}],
                "responses": {"204": {}, "428": {}},
            },
        }
    },
}
GET: Final = f"GET {PATH}"
PATCH: Final = f"PATCH {PATH}"
BREAKS: Final = "which breaks its HTTP clients"
BESIDE: Final = "publish a new path /v2/things/{thing_id} beside it"


def at(*steps: str | int) -> Callable[[Document], Any]:
    def find(document: Any) -> Any:  # noqa: ANN401  # any JSON
        for step in steps:
            document = document[step]
        return document

    return find


path = at("paths", PATH)
get = at("paths", PATH, "get")
patch = at("paths", PATH, "patch")
match = at("paths", PATH, "patch", "parameters", 0)
query = at("paths", PATH, "get", "parameters", 0)
body = at("paths", PATH, "patch", "requestBody")
ok = at("paths", PATH, "get", "responses", "200")
shapes = at("components", "schemas")

# fmt: off
# ruff: noqa: E501  # one line a case
CASES: Final[tuple[tuple[Callable[[Document], Any], str], ...]] = (
    (lambda d: path(d).pop("get"), f"{GET}: the operation is removed, {BREAKS}: keep it, or {BESIDE}"),
    (lambda d: path(d).update(delete={"responses": {}}), f"DELETE {PATH}: the operation is new"),
    (lambda d: d["paths"].update({"/v1/others": {"get": {}}}), "GET /v1/others: the operation is new"),
    (lambda d: d["paths"].update({"/v1/things/{id}": json.loads(json.dumps(d["paths"].pop(PATH)).replace("thing_id", "id"))}), ""),
    (lambda d: get(d)["parameters"].pop(), f"{GET}: the query parameter `limit` is removed, {BREAKS}: keep the parameter and ignore it, or {BESIDE}"),
    (lambda d: get(d)["parameters"].append({"name": "q", "in": "query", "schema": {}}), f"{GET}: the query parameter `q` is new"),
    (lambda d: get(d)["parameters"].append({"name": "q", "in": "query", "required": True}), f"{GET}: the query parameter `q` is new and required, {BREAKS}: make the parameter optional, or {BESIDE}"),
    (lambda d: query(d).update(required=True), f"{GET}: the query parameter `limit` is now required, {BREAKS}: make the parameter optional, or {BESIDE}"),
    (lambda d: query(d)["schema"].update(maximum=100), f"{GET}: the query parameter `limit` now has a maximum of 100, before a maximum of 200, {BREAKS}: take the old values too, or {BESIDE}"),
    (lambda d: query(d)["schema"].update(maximum=300), f"{GET}: the query parameter `limit` takes more than before"),
    (lambda d: query(d).update(style="deepObject"), f"{GET}: the query parameter `limit` has another `style`, which cannot be judged, {BREAKS}: {BESIDE}"),
    (lambda d: body(d).update(required=False), ""),
    (lambda d: get(d).update(requestBody={"required": True}), f"{GET}: the request body is now required, {BREAKS}: make the body optional, or {BESIDE}"),
    (lambda d: patch(d).pop("requestBody"), f"{PATCH}: the request body is removed, {BREAKS}: take the body and ignore it, or {BESIDE}"),
    (lambda d: body(d)["content"].pop("application/json"), f"{PATCH}: the request body is no longer application/json, {BREAKS}: keep the media type, or {BESIDE}"),
    (lambda d: shapes(d)["Change"]["required"].append("name"), f"{PATCH}: the request body now requires the field `name`, {BREAKS}: make the field optional, or {BESIDE}"),
    (lambda d: shapes(d)["Change"]["properties"].pop("size"), f"{PATCH}: `size` of the request body is removed, {BREAKS}: keep the field and ignore it, or {BESIDE}"),
    (lambda d: shapes(d)["Thing"]["properties"].pop("size"), f"{GET}: `size` of the 200 response is removed, {BREAKS}: keep the field, or {BESIDE}"),
    (lambda d: shapes(d)["Thing"].update(required=[]), f"{GET}: `name` of the 200 response may now be left out, {BREAKS}: always send the field, or {BESIDE}"),
    (lambda d: ok(d)["content"].clear(), f"{GET}: the 200 response is no longer application/json, {BREAKS}: keep the media type, or {BESIDE}"),
    (lambda d: ok(d)["headers"].clear(), f"{GET}: the header ETag of the 200 response is removed, {BREAKS}: keep the header, or {BESIDE}"),
    (lambda d: patch(d)["responses"].pop("204"), f"{PATCH}: the 204 response is removed, {BREAKS}: keep the status, or {BESIDE}"),
    (lambda d: patch(d)["responses"].update({"202": {}}), f"{PATCH}: the 202 response is new, and its clients take it for the old one, {BREAKS}: {BESIDE}"),
    (lambda d: get(d)["responses"].pop("404"), f"{GET}: the 404 response is removed"),
    (lambda d: get(d)["responses"].update({"204": {"x-preference": "return=minimal"}}), f"{GET}: the 204 response is new"),
    (lambda d: get(d)["responses"].update({"429": {}}), f"{GET}: the 429 response is new"),
    (lambda d: get(d).update(security=[{"bearer": []}]), f"{GET}: it now requires authentication, {BREAKS}: keep it open to anyone, or {BESIDE}"),
    (lambda d: patch(d).update(security=[{"key": []}]), f"{PATCH}: it requires another authentication, {BREAKS}: take the old one too, or {BESIDE}"),
    (lambda d: patch(d).update(security=[{"key": []}, {"bearer": []}]), ""),
    (lambda d: get(d).update(summary="Words", operationId="other"), ""),
    (lambda d: d["components"].update(responses={"Ok": get(d)["responses"].pop("200")}) or get(d)["responses"].update({"200": {"$ref": "#/components/responses/Ok"}}), ""),
    (lambda d: d["components"].update(headers={"ETag": {"schema": {"type": "integer"}}}) or ok(d)["headers"].update(ETag={"$ref": "#/components/headers/ETag"}), f"{GET}: the header ETag of the 200 response may now be an integer, {BREAKS}: keep the type and add a new field, or {BESIDE}"),
    (lambda d: shapes(d)["Change"].update(minProperties=1), ""),
    (lambda d: shapes(d)["Change"].update(minProperties=2), f"{PATCH}: the request body now has at least 2 fields, before at least 1 field, {BREAKS}: take the old values too, or {BESIDE}"),
    (lambda d: match(d).update(required=True), ""),
    (lambda d: match(d).update(schema={"type": "string", "pattern": "^x$"}), ""),
    (lambda d: query(d).update(schema={"anyOf": [query(d)["schema"], {"type": "null"}], "default": None}), ""),
)
# fmt: on


@pytest.mark.parametrize(("edit", "said"), CASES)
def test_a_change_is_told_in_one_sentence(edit: Callable[[Document], Any], said: str) -> None:
    new = json.loads(json.dumps(OLD))
    edit(new)
    found = http(OLD, new)
    assert ([said] if said else []) == [one.sentence for one in found]
    assert [BREAKS in said][: len(found)] == [one.breaks for one in found]


@pytest.mark.parametrize("wrong", [{}, {"paths": []}, {"paths": {"/": {"get": {"parameters": [{}]}}}}, {"paths": 5}])
def test_what_is_no_document_is_a_clear_error(wrong: Document) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        http(wrong, OLD)
