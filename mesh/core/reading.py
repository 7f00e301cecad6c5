"""How JSON of another process becomes a model: bounded, and cheap even where it is made to be expensive."""

from functools import partial
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from mesh.core.terminal import escaped

Shape = TypeVar("Shape", bound=BaseModel)

_LONGEST_PATH = 100
_SHORT = 512
"""Bytes: with 70 keys in them, pydantic's own way with missing fields takes a tenth of a millisecond at most."""


class Unreadable(Exception):
    """What came does not fit; says where on one line, and repeats nothing of it."""


class Reader(Generic[Shape]):
    """Reads one shape from JSON of at most so many bytes.

    pydantic copies the whole object for each field that is missing, and goes on after an error: 1 MiB with 100,000 keys
    takes it a quarter of a second. This stops at the first wrong item of a list and at the first missing field. What is
    short may lack fields, since that cannot take long; its lists end all the same, since 512 bytes hold 160 items `{}`.
    """

    def __init__(self, shape: type[Shape], most: int) -> None:
        self._most = most
        adapter = TypeAdapter(shape)
        # Not prebuilt: pydantic would put the model's own validator in the place of the schemas made here.
        short = _stopping_early(adapter.core_schema, at_missing=False)
        self._validate_short = SchemaValidator(short, _use_prebuilt=False).validate_json
        schema = _stopping_early(adapter.core_schema, at_missing=True)
        self._validate = SchemaValidator(schema, _use_prebuilt=False).validate_json

    def __call__(self, data: bytes) -> Shape:
        """What the JSON says. Raises Unreadable."""
        if len(data) > self._most:
            raise Unreadable(f"it has {len(data)} bytes, and may have {self._most}")
        try:
            read: Shape = (self._validate_short if len(data) <= _SHORT else self._validate)(data)
        except ValidationError as error:
            raise Unreadable(_first(error)) from None
        return read


def _stopping_early(schema: Any, *, at_missing: bool) -> Any:  # noqa: ANN401  # a core schema is a dict of any depth
    """The schema, where a list ends at its first wrong item and, if so wanted, a missing field raises."""
    if isinstance(schema, list):
        return [_stopping_early(one, at_missing=at_missing) for one in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _stopping_early(value, at_missing=at_missing) for key, value in schema.items()}
    match schema.get("type"):
        case "tuple" | "list":
            changed["fail_fast"] = True
        case "model-field" if at_missing and schema["schema"]["type"] != "default":
            changed["schema"] = {"type": "default", "schema": changed["schema"]}
        case "model-fields" if at_missing:
            for name, field in changed["fields"].items():
                inner = field["schema"]
                if "default" not in inner and "default_factory" not in inner:
                    inner["default_factory"] = partial(_missing, name)
    return changed


def _missing(name: str) -> NoReturn:
    raise Unreadable(f"{name} is missing")


def _first(error: ValidationError) -> str:
    mistake = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(map(str, mistake["loc"]))[:_LONGEST_PATH]
    if mistake["type"] == "missing":
        return escaped(f"{path} is missing")
    return escaped(f"{path}: {mistake['msg']}" if path else mistake["msg"])
