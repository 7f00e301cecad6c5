"""Makes the JSON Schemas of the contracts: what validators and code generators of any language read alike (ADR 28)."""

import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from ops.contracts.docstrings import of_fields_and_bases

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Final = {"string", "integer", "number", "boolean"}
_ID = re.compile(r"(\w+)_ids?")


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas without keywords that only pydantic uses, and with the keywords of these contracts."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  # pydantic asks for each schema
        """No field has a title: generators would make a type of each."""
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> Schema:
        """A nullable scalar is one schema with two types, which every generator reads."""
        inner = self.generate_inner(schema["schema"])
        if inner.get("type") in _SCALARS and not inner.keys() & {"enum", "const"}:
            return {**inner, "type": [inner["type"], "null"]}
        return {"anyOf": [inner, {"type": "null"}]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        """No default is null. A client that fills it in would clear each field that it means to omit."""
        made = super().default_schema(schema)
        if made.get("default", False) is None:
            del made["default"]
        return made

    def enum_schema(self, schema: core_schema.EnumSchema) -> Schema:
        """An enumeration is closed: readers refuse other values."""
        return {**_described(super().enum_schema(schema)), "x-enum": "closed"}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> Schema:
        """The same, except for a constant."""
        made = super().literal_schema(schema)
        return {**made, "x-enum": "closed"} if "enum" in made else made

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        """A model with the marks of its fields. A reader of a reply ignores unknown fields; a worker refuses them."""
        made = _described(super().model_schema(schema))
        kind: type[BaseModel] = schema["cls"]
        made["additionalProperties"] = kind.model_config.get("extra") != "forbid"
        texts = of_fields_and_bases(kind, BaseModel)
        for name, field in made.get("properties", {}).items():
            if name in texts:
                field["description"] = texts[name]
            if found := _ID.fullmatch(name):
                field["x-identifies"] = found[1]
            if not kind.model_fields[name].repr:
                field["x-secret"] = True
                if self.mode == "validation":
                    field["writeOnly"] = True
        return made


def definitions(requests: Iterable[type[BaseModel]], replies: Iterable[type[BaseModel]]) -> dict[str, Schema]:
    """The schema of each model and of each part, by name. References begin with `#/$defs/`.

    Raises ValueError if two shapes have one name.
    """
    inputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((kind, "validation") for kind in dict.fromkeys(requests)),
        *((kind, "serialization") for kind in dict.fromkeys(replies)),
    ]
    _, made = models_json_schema(inputs, schema_generator=_Generator)
    found: dict[str, Schema] = made.get("$defs", {})
    if twice := [name for name in found if "__" in name or "-" in name]:  # how pydantic tells such shapes apart
        paths = ", ".join(sorted(name.replace("__", ".") for name in twice))
        raise ValueError(f"two shapes have one name, so one of them needs another: {paths}")
    return {name: found[name] for name in sorted(found)}


def inlined(schema: Any, shapes: dict[str, Schema]) -> Any:  # noqa: ANN401  # a JSON Schema is JSON of any shape
    """The schema with each reference replaced by what it names. Raises KeyError for an unknown name."""
    if isinstance(schema, list):
        return [inlined(one, shapes) for one in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {key: inlined(value, shapes) for key, value in schema.items() if key != "$ref"}
    name = schema.get("$ref")
    return {**inlined(shapes[name.rpartition("/")[2]], shapes), **rest} if isinstance(name, str) else rest


def _described(schema: Schema) -> Schema:
    """The schema with its description in whole paragraphs: the source breaks lines at its own width."""
    if "description" in schema:
        paragraphs = re.split(r"\n\s*\n", schema["description"])
        schema["description"] = "\n\n".join(" ".join(one.split()) for one in paragraphs)
    return schema
