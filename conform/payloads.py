"""Generates valid and invalid payloads from an exported schema; the same ones for the same seed."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from conform.shapes import Shape

_LONGEST_TEXT: Final = 200
_TEXT: Final = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_ODD: Final[tuple[object, ...]] = (None, True, 1, -1, 10**20, "", "\0", " ", "text", [], {}, [None])


@dataclass(frozen=True)
class Invalid:
    """A payload with one mistake, in words, and the field that it is in."""

    payload: dict[str, Any]
    field: str
    why: str


def valid(schema: Mapping[str, Any], count: int, seed: int) -> list[dict[str, Any]]:
    """So many valid payloads, the smallest first."""
    shape, found = Shape(schema), list[dict[str, Any]]()

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_strategy(schema).filter(shape.fits))
    def collect(payload: dict[str, Any]) -> None:
        found.append(payload)

    collect()
    return found


def invalid(schema: Mapping[str, Any], payloads: list[dict[str, Any]]) -> Iterator[Invalid]:
    """Payloads with one mistake each: a member too much or too little, or a value that does not fit."""
    shape = Shape(schema)
    for number, payload in enumerate(payloads):
        yield Invalid({**payload, "nobody_knows": 1}, "nobody_knows", "an unknown member")
        for name in shape.required:
            yield Invalid({key: one for key, one in payload.items() if key != name}, name, f"without {name}")
        for name, below in shape.properties.items():
            for value in (_ODD[number % len(_ODD)], *_beyond(below)):
                changed = {**deepcopy(payload), name: value}
                if not shape.fits(changed):
                    yield Invalid(changed, name, f"{name} is wrong")


def _beyond(schema: Mapping[str, Any]) -> Iterator[object]:
    """Values just beyond the bounds."""
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"] + 1
        yield float(schema["maximum"])
    if "enum" in schema:
        yield "no_such_value"


def _strategy(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:  # noqa: PLR0911  # one for each kind
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([_strategy(one) for one in schema["anyOf"]])
    kinds = schema.get("type", "object")
    if isinstance(kinds, list):
        return st.one_of([_strategy({**schema, "type": kind}) for kind in kinds])
    match kinds:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**31 - 1))
        case "string":
            return _texts(schema)
        case "array":
            most = min(schema.get("maxItems", 5), schema.get("minItems", 0) + 4)
            return st.lists(_strategy(schema["items"]), min_size=schema.get("minItems", 0), max_size=most)
    return _objects(schema)


def _objects(schema: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    members = {name: _strategy(one) for name, one in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: one for name, one in members.items() if name in required},
        optional={name: one for name, one in members.items() if name not in required},
    )


def _texts(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date":
        return st.dates().map(str)
    pattern = schema.get("pattern")
    least, most = schema.get("minLength", 0), min(schema.get("maxLength", _LONGEST_TEXT), _LONGEST_TEXT)
    if pattern and not pattern.startswith("^[^\\x00]*"):
        return st.from_regex(pattern.removesuffix("$") + r"\Z").filter(lambda text: least <= len(text) <= most)
    texts = st.text(_TEXT, min_size=least, max_size=most)
    # A text that must show something: no blank of W-VAL-5 is all that it has.
    return st.tuples(texts, st.sampled_from("aZ9é本😀")).map(lambda pair: (pair[0] + pair[1])[-most:])
