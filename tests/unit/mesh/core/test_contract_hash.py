from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from mesh.core.endpoint import Access, Endpoint
from tests.support.mesh.sample_service import Said, Say


class Empty(BaseModel):
    pass


def shape(doc: str = "A shape.", config: ConfigDict | None = None, **fields: Any) -> type[BaseModel]:  # noqa: ANN401  # as create_model takes them
    return create_model("Shape", __config__=config, __doc__=doc, **fields)


def hash_of(request: type[BaseModel], reply: type[BaseModel] = Empty) -> str:
    return Endpoint("sample.shape", request, reply, Access.ANYONE).contract_hash()


BASE = shape(title=(str, ...), description=(str, "none"), size=(int, Field(ge=0)))


@pytest.mark.parametrize(
    "reworded",
    [
        shape("Something else.", title=(str, ...), description=(str, "none"), size=(int, Field(ge=0))),
        shape(title=(str, Field(description="Of a book")), description=(str, "none"), size=(int, Field(ge=0))),
        shape(title=(str, ...), description=(str, "none"), size=(int, Field(ge=0, title="How large"))),
        shape(title=(str, ...), description=(str, "none"), size=(int, Field(ge=0, examples=[1, 2]))),
        shape(config=ConfigDict(title="Form"), title=(str, ...), description=(str, "none"), size=(int, Field(ge=0))),
        shape(size=(int, Field(ge=0)), description=(str, "none"), title=(str, ...)),
    ],
    ids=["docstring", "description", "title", "examples", "model title", "order"],
)
def test_rewording_keeps_the_hash(reworded: type[BaseModel]) -> None:
    assert hash_of(BASE) == hash_of(reworded)
    assert hash_of(Empty, BASE) == hash_of(Empty, reworded)


@pytest.mark.parametrize(
    "changed",
    [
        shape(description=(str, "none"), size=(int, Field(ge=0))),
        shape(title=(str, ...), size=(int, Field(ge=0))),
        shape(title=(str, ...), description=(str, "some"), size=(int, Field(ge=0))),
        shape(title=(str, ...), description=(str, ...), size=(int, Field(ge=0))),
        shape(title=(str, ...), description=(str, "none"), size=(int, Field(ge=1))),
        shape(title=(str, ...), description=(str, "none"), size=(float, Field(ge=0))),
        shape(title=(str, ...), description=(str, "none"), size=(int, Field(ge=0)), examples=(str, "")),
        shape(title=(bytes, ...), description=(str, "none"), size=(int, Field(ge=0))),
    ],
    ids=["no title", "no description", "default", "required", "bound", "type", "new field", "type of title"],
)
def test_a_changed_field_changes_the_hash(changed: type[BaseModel]) -> None:
    assert hash_of(BASE) != hash_of(changed)
    assert hash_of(Empty, BASE) != hash_of(Empty, changed)


def test_what_a_field_holds_counts_and_its_wording_does_not() -> None:
    inner, reworded = shape("One.", title=(int, 1)), shape("Another.", title=(int, 1))
    wider = shape("One.", title=(int, 1), examples=(int, 1))
    inside = [hash_of(create_model("Outer", inner=(list[kind], ...))) for kind in (inner, reworded, wider)]  # type: ignore[valid-type]  # made at run time
    assert inside[0] == inside[1]
    assert inside[0] != inside[2]


def test_another_value_of_an_enumeration_or_a_default_changes_the_hash() -> None:
    kinds: list[Any] = [Literal["red"], Literal["red", "green"]]
    red, green = (hash_of(create_model("Painted", colour=(kind, ...))) for kind in kinds)
    assert red != green
    one, other = (
        hash_of(create_model("Made", about=(dict[str, str], default))) for default in ({"title": "a"}, {"title": "b"})
    )
    assert one != other


def test_request_and_reply_are_told_apart() -> None:
    assert hash_of(Say, Said) != hash_of(Said, Say)
