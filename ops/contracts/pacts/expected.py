"""Makes what a consumer expects of a reply: an example of the fields that it reads, and Pact's rule for each."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ops.contracts.shapes import Schema

_MATCHERS: Final = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "type"}
_SCALARS: Final[Mapping[str, object]] = {"integer": 1, "number": 1.5, "boolean": True, "string": "text"}
"""A value of each type, where the example has none."""
_NULL: Final = {"match": "null"}


@dataclass
class Expected:
    """An example, and Pact's matching rules by path."""

    rules: dict[str, Any] = field(default_factory=dict)
    content: Any = None


def expected(schema: Schema, example: Any) -> Expected:  # noqa: ANN401  # any JSON
    """What a reader with this JSON Schema expects: the fields that it requires. `example`: a whole reply."""
    made = Expected()
    made.content = _value(schema, schema.get("$defs", {}), example, "$", made.rules)
    return made


def _value(schema: Schema, shapes: Mapping[str, Schema], example: Any, path: str, rules: dict[str, Any]) -> Any:  # noqa: ANN401
    """The example of one value, after its rules are noted. Raises ValueError for a schema that Pact cannot express."""
    one, nullable = _resolved(schema, shapes, path)
    match one:
        case {"enum": list(values)} | {"const": str() as values}:
            allowed = values if isinstance(values, list) else [values]
            content = example if example in allowed else allowed[0]
            rule: dict[str, Any] = {"match": "regex", "regex": f"^({'|'.join(map(re.escape, allowed))})$"}
        case {"type": "array", "items": dict(items)}:
            content = [_value(items, shapes, _first(example), f"{path}[*]", rules)]
            rule = {"match": "type", "min": 0}
        case {"type": "object", "properties": dict(properties)}:
            given = example if isinstance(example, dict) else {}
            content = {
                name: _value(properties[name], shapes, given.get(name), f"{path}.{name}", rules)
                for name in properties
                if name in one.get("required", ())
            }
            rule = {"match": "type"}
        case {"type": str(kind)} if kind in _MATCHERS:
            content = _SCALARS[kind] if example is None else example
            rule = {"match": _MATCHERS[kind]}
        case _:
            raise ValueError(f"{path}: Pact has no rule for this shape: {one}")
    if path != "$":
        rules[path] = {"combine": "OR", "matchers": [rule, _NULL]} if nullable else _only(rule)
    return content


def _only(rule: dict[str, Any]) -> dict[str, Any]:
    return {"combine": "AND", "matchers": [rule]}


def _first(example: Any) -> Any:  # noqa: ANN401  # any JSON
    return example[0] if isinstance(example, list) and example else None


def _resolved(schema: Schema, shapes: Mapping[str, Schema], path: str) -> tuple[Schema, bool]:
    """The schema without reference and null, and whether it may be null."""
    options = list(_options(schema, shapes))
    rest = [one for one in options if one.get("type") != "null"]
    if len(rest) != 1:
        raise ValueError(f"{path}: Pact has no rule for one of several shapes")
    return rest[0], len(rest) < len(options)


def _options(schema: Schema, shapes: Mapping[str, Schema]) -> Iterator[Schema]:
    match schema:
        case {"$ref": str(reference)}:
            yield from _options(shapes[reference.rpartition("/")[2]], shapes)
        case {"anyOf": list(several)}:
            for one in several:
                yield from _options(one, shapes)
        case {"type": list(types)}:
            yield from ({**schema, "type": one} for one in types)
        case _:
            yield schema
