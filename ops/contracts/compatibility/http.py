"""Compares two OpenAPI documents: what HTTP clients may send, and what they must expect."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ops.contracts.compatibility.comparing import Direction
from ops.contracts.compatibility.finding import Finding, Part, listed
from ops.contracts.compatibility.forms import Shapes
from ops.contracts.compatibility.wording import compared

Document = Mapping[str, Any]

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_IN_PATH: Final = re.compile(r"\{[^}]*\}")
_IF_MATCH: Final = ("header", "if-match")
_CONDITIONS: Final = (_IF_MATCH, ("header", "if-none-match"))
"""HTTP defines their form, whether a document says so or not."""
_NULL: Final = {"type": "null"}
_STYLE: Final = ("style", "explode", "allowReserved", "content")
"""How a parameter is written. A change is not judged."""


@dataclass(frozen=True)
class _Operation:
    """One method of a path in both documents."""

    part: Part
    old: Document
    new: Document
    shapes: tuple[Shapes, Shapes]

    def schemas(self, whole: str, direction: Direction, old: Document, new: Document) -> Iterator[Finding]:
        schemas = (old.get("schema", True), new.get("schema", True))
        return compared(self.part, whole, direction, schemas, self.shapes)


def http(old: Document, new: Document) -> list[Finding]:
    """What differs between two documents. Raises ValueError if one cannot be read."""
    try:
        return [*_paths(old, new)]
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"has an OpenAPI document that cannot be read: {error!r}") from None


def _paths(old: Document, new: Document) -> Iterator[Finding]:
    before, after = _operations(old), _operations(new)
    shapes = (_shapes(old), _shapes(new))
    for key, (name, operation) in before.items():
        part = _part(name)
        if key not in after:
            yield part.breaking("the operation is removed", "keep it")
        else:
            yield from _operation(_Operation(part, operation, after[key][1], shapes))
    for key in after.keys() - before.keys():
        yield Finding(after[key][0], "the operation is new")


def _operations(document: Document) -> dict[tuple[str, str], tuple[str, Document]]:
    """Each operation with its name, by method and path. The names of a path's parameters are not part of the key."""
    return {
        (method, _IN_PATH.sub("{}", path)): (
            f"{method.upper()} {path}",
            {
                **operation,
                "parameters": _parameters(path, (*item.get("parameters", ()), *operation.get("parameters", ()))),
                "requestBody": _body_of(method, operation, document.get("components", {})),
                "responses": _responses_of(operation, document.get("components", {})),
                "security": operation.get("security", document.get("security", [])),
            },
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    }


def _body_of(method: str, operation: Document, components: Document) -> Document:
    """The request body. An empty change was always refused, also where a document does not say so."""
    body: Document = operation.get("requestBody", {})
    if method != "patch":
        return body
    content = {
        media: one if "minProperties" in _resolved(one["schema"], components) else _with_a_field(one)
        for media, one in body.get("content", {}).items()
    }
    return {**body, "content": content} if body else body


def _with_a_field(content: Document) -> Document:
    return {**content, "schema": {**content["schema"], "minProperties": 1}}


def _responses_of(operation: Document, components: Document) -> dict[str, Any]:
    """The responses and their headers, with the shared ones in place of the references to them."""
    found = {}
    for status, response in operation.get("responses", {}).items():
        whole = _resolved(response, components)
        headers = {name: _resolved(header, components) for name, header in whole.get("headers", {}).items()}
        found[status] = {**whole, "headers": headers}
    return found


def _resolved(part: Document, components: Document) -> Document:
    """The component that is referred to, or the part itself."""
    reference = part.get("$ref")
    if reference is None:
        return part
    _, _, kind, name = reference.split("/")
    found: Document = components[kind][name]
    return found


def _parameters(path: str, listed_: tuple[Any, ...]) -> dict[tuple[str, str], Document]:
    """Each parameter by its place and name; those of the path by their position."""
    positions = {name[1:-1]: str(position) for position, name in enumerate(_IN_PATH.findall(path))}
    found = {}
    for one in listed_:
        name = one["name"].lower() if one["in"] == "header" else one["name"]
        found[one["in"], positions.get(name, name) if one["in"] == "path" else name] = _as_text(one)
    return found


def _as_text(parameter: Document) -> Document:
    """The parameter without null, which text cannot say."""
    schema = parameter.get("schema", {})
    if not isinstance(schema, dict) or _NULL not in schema.get("anyOf", ()):
        return parameter
    kept = [one for one in schema["anyOf"] if one != _NULL]
    rest = {key: value for key, value in schema.items() if key != "anyOf" and not (key == "default" and value is None)}
    return {**parameter, "schema": {**kept[0], **rest} if len(kept) == 1 else {**rest, "anyOf": kept}}


def _shapes(document: Document) -> Shapes:
    found: Shapes = document.get("components", {}).get("schemas", {})
    return found


def _part(name: str) -> Part:
    path = name.partition(" ")[2]
    version = re.match(r"/v(\d+)/", path)
    beside = f"a new path /v{int(version[1]) + 1}/{path[version.end() :]}" if version else "a new path"
    return Part(name, "its HTTP clients", beside)


def _operation(one: _Operation) -> Iterator[Finding]:
    yield from _each_parameter(one)
    yield from _body(one)
    yield from _responses(one)
    anonymous = [not side["security"] or {} in side["security"] for side in (one.old, one.new)]
    if anonymous[0] and not anonymous[1]:
        yield one.part.breaking("it now requires authentication", "keep it open to anyone")
    elif not anonymous[1] and any(not _offered(way, one.new["security"]) for way in one.old["security"]):
        yield one.part.breaking("it requires another authentication", "take the old one too")


def _offered(way: Document, new: list[Document]) -> bool:
    """Whether a new way to authenticate needs no more than this one."""
    return any(
        all(set(scopes) <= set(way.get(name, ())) and name in way for name, scopes in one.items()) for one in new
    )


def _each_parameter(one: _Operation) -> Iterator[Finding]:
    before, after = one.old["parameters"], one.new["parameters"]
    for key, parameter in before.items():
        whole = f"the {parameter['in']} parameter `{parameter['name']}`"
        if key not in after:
            yield one.part.breaking(f"{whole} is removed", "keep the parameter and ignore it")
            continue
        now = after[key]
        refused = key == _IF_MATCH and "428" in one.old["responses"]  # already, without it
        if now.get("required", False) and not parameter.get("required", False) and not refused:
            yield one.part.breaking(f"{whole} is now required", "make the parameter optional")
        for keyword in _STYLE:
            if now.get(keyword) != parameter.get(keyword):
                yield one.part.breaking(f"{whole} has another `{keyword}`, which cannot be judged")
        if key not in _CONDITIONS:
            yield from one.schemas(whole, Direction.REQUEST, parameter, now)
    for key in [key for key in after if key not in before]:
        whole = f"the {key[0]} parameter `{after[key]['name']}`"
        if after[key].get("required", False):
            yield one.part.breaking(f"{whole} is new and required", "make the parameter optional")
        else:
            yield one.part.compatible(f"{whole} is new")


def _body(one: _Operation) -> Iterator[Finding]:
    before, after = one.old.get("requestBody", {}), one.new.get("requestBody", {})
    if after.get("required", False) and not before.get("required", False):
        yield one.part.breaking("the request body is now required", "make the body optional")
    if before and not after:
        yield one.part.breaking("the request body is removed", "take the body and ignore it")
    elif before:
        yield from _content(one, "the request body", Direction.REQUEST, before, after)


def _responses(one: _Operation) -> Iterator[Finding]:
    before, after = one.old.get("responses", {}), one.new.get("responses", {})
    for status, response in before.items():
        whole = f"the {status} response"
        if status in after:
            yield from _content(one, whole, Direction.REPLY, response, after[status])
            yield from _headers(one, whole, response, after[status])
        elif status.startswith("2"):
            yield one.part.breaking(f"{whole} is removed", "keep the status")
        else:
            yield one.part.compatible(f"{whole} is removed")
    for status in [status for status in after if status not in before]:
        if status.startswith("2") and "x-preference" not in after[status]:  # who does not prefer it never gets it
            yield one.part.breaking(f"the {status} response is new, and its clients take it for the old one")
        else:
            yield one.part.compatible(f"the {status} response is new")


def _content(one: _Operation, whole: str, direction: Direction, old: Document, new: Document) -> Iterator[Finding]:
    before, after = old.get("content", {}), new.get("content", {})
    if gone := [media for media in before if media not in after]:
        yield one.part.breaking(f"{whole} is no longer {listed(gone)}", "keep the media type")
    shared = [media for media in before if media in after]
    seen: list[Finding] = []
    for media in shared:
        for found in one.schemas(whole, direction, before[media], after[media]):
            if found not in seen:  # one schema under two media types
                seen.append(found)
                yield found


def _headers(one: _Operation, whole: str, old: Document, new: Document) -> Iterator[Finding]:
    before, after = old.get("headers", {}), new.get("headers", {})
    for name, header in before.items():
        place = f"the header {name} of {whole}"
        if name not in after:
            yield one.part.breaking(f"{place} is removed", "keep the header")
        else:
            yield from one.schemas(place, Direction.REPLY, header, after[name])
