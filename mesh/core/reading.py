"""Reads JSON from another process into a model: bounded in size and in CPU time."""

from functools import partial
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from mesh.core.terminal import escaped

Shape = TypeVar("Shape", bound=BaseModel)

_LONGEST_PATH = 100
_SHORT = 512
"""Bytes; at most 70 keys fit, and pydantic handles missing fields among them within a tenth of a millisecond."""


class Unreadable(Exception):
    """The JSON does not fit the model. The message says where, on one line, without repeating any value."""


class Reader(Generic[Shape]):
    """Reads one shape from JSON of at most `most` bytes.

    pydantic copies the whole object for each missing field and continues after an error: 1 MiB with 100,000 keys takes
    a quarter of a second. This reader stops at the first wrong item of a list and at the first missing field. Short
    JSON may lack several fields, since that is quick; its lists stop early too, since 512 bytes hold 160 items `{}`.
    """

    def __init__(self, shape: type[Shape], most: int) -> None:
        self._most = most
        adapter = TypeAdapter(shape)
        # Not prebuilt: pydantic would replace these schemas by the model's own validator.
        short = _stopping_early(adapter.core_schema, at_missing=False)
        self._validate_short = SchemaValidator(short, _use_prebuilt=False).validate_json
        schema = _stopping_early(adapter.core_schema, at_missing=True)
        self._validate = SchemaValidator(schema, _use_prebuilt=False).validate_json

    def __call__(self, data: bytes) -> Shape:
        """The model. Raises Unreadable."""
        if len(data) > self._most:
            raise Unreadable(f"it has {len(data)} bytes, and may have {self._most}")
        try:
            read: Shape = (self._validate_short if len(data) <= _SHORT else self._validate)(data)
        except ValidationError as error:
            raise Unreadable(_first(error)) from None
        return read


def _stopping_early(schema: Any, *, at_missing: bool) -> Any:  # noqa: ANN401  # a core schema is a dict of any depth
    """The schema, changed so that a list stops at its first wrong item and, if `at_missing`, a missing field raises."""
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
