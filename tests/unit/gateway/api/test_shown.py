"""What HTTP shows is what the contract says: the shapes that replies are read as straight from the wire."""

import pytest
from pydantic import BaseModel

from gateway import app
from gateway.api.schemas import Shown

_BUILT_OF = app  # imports every shape
_ABOUT = {"title", "description", "examples"}


def shapes() -> list[tuple[type[BaseModel], type[BaseModel]]]:
    """Each shape with its contract."""
    found: list[tuple[type[BaseModel], type[BaseModel]]] = [
        (shape, base.__pydantic_generic_metadata__["args"][0])
        for base in Shown.__subclasses__()
        for shape in base.__subclasses__()
    ]
    assert len(found) > 10
    return found


def fields(model: type[BaseModel]) -> dict[str, object]:
    """What the model reads, by field; where that is a model of its own, only in what number."""
    return {name: plain(schema) for name, schema in model.model_json_schema()["properties"].items()}


def plain(schema: object) -> object:
    """The schema without what only tells about it."""
    if isinstance(schema, dict):
        return {key: "a model" if key == "$ref" else plain(value) for key, value in schema.items() if key not in _ABOUT}
    return [plain(one) for one in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize(("shape", "contract"), shapes(), ids=lambda model: model.__name__)
def test_each_field_is_read_as_the_contract_has_it(shape: type[BaseModel], contract: type[BaseModel]) -> None:
    ours, theirs = fields(shape), fields(contract)
    assert ours == {name: theirs.get(name) for name in ours}
