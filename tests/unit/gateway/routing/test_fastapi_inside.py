"""What we rely on inside FastAPI. An upgrade that changes any of it fails here first, by name."""

import ast
import inspect
import re
from dataclasses import fields, make_dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from starlette.routing import compile_path

import gateway
from gateway.app import build
from gateway.routing.fast_path.middleware import FastPath, routes
from gateway.routing.fast_path.representations import CompiledReads, FastApisReads
from gateway.routing.fastapi_inside import (
    OF_DEPENDANT,
    OF_FIELD,
    OF_ROUTE,
    Dependant,
    Insides,
    ModelField,
    difference,
    positional,
    routes_of,
)
from gateway.settings import GatewaySettings
from tests.support.gateway.requests_of_all_kinds import fitting
from tests.support.gateway.two_ways import Answering, Gateway

INSIDE = "fastapi_inside.py"
MODULES = {"fastapi.dependencies", "fastapi._compat", "fastapi.datastructures", "fastapi.encoders", "fastapi.utils"}
NAMES = {"RouteContext", "iter_route_contexts"}


class Lacking:
    """A ModelField of another version."""

    name = alias = validation_alias = field_info = None

    def validate(self) -> None:
        """Do what that version does."""


OTHERS = [
    (Insides(dependant=make_dataclass("Dependant", [*sorted(OF_DEPENDANT), "file_params"])), "file_params"),
    (Insides(dependant=make_dataclass("Dependant", sorted(OF_DEPENDANT - {"use_cache"}))), "use_cache"),
    (Insides(field=Lacking), "serialize_json"),
    (Insides(of_route=OF_ROUTE | {"no_such_thing"}), "no_such_thing"),
]


def imported_from(path: Path) -> set[str]:
    """What a file imports from FastAPI: its modules, and the names that it takes of fastapi.routing."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("fastapi"):
            found |= {node.module, ".".join(node.module.split(".")[:2])}
            found |= {name.name for name in node.names} if node.module == "fastapi.routing" else set()
    return found


def test_one_file_alone_imports_what_is_inside() -> None:
    files = Path(str(gateway.__file__)).parent.rglob("*.py")
    assert [INSIDE] == [path.name for path in files if imported_from(path) & (MODULES | NAMES)]


def test_fastapi_is_as_we_know_it(application: FastAPI) -> None:
    assert None is difference(application, Insides())
    assert {one.name for one in fields(Dependant)} == OF_DEPENDANT
    assert set(dir(ModelField)) | set(ModelField.__annotations__) >= OF_FIELD


def test_a_field_is_asked_as_it_was() -> None:
    assert ["self", "value", "values", "loc"] == list(inspect.signature(ModelField.validate).parameters)
    assert {
        "include",
        "exclude",
        "by_alias",
        "exclude_unset",
        "exclude_defaults",
        "exclude_none",
    } <= inspect.signature(ModelField.serialize_json).parameters.keys()


@pytest.mark.parametrize("path", ["/v1/customers/{customer_id}", "/", "/a/{b}/c/{d}", "/files/{path:path}", "/a.b"])
def test_a_pattern_of_starlettes_can_be_read_by_position(path: str) -> None:
    regex, _, convertors = compile_path(path)
    assert (regex.pattern[0], regex.pattern[-1], len(convertors)) == ("^", "$", regex.groups)
    ours = re.compile(positional(regex.pattern))
    assert (regex.groups, {}) == (ours.groups, ours.groupindex)
    filled = re.sub(r"\{[^}]*\}", "x", path)
    match = regex.fullmatch(filled)
    assert match is not None
    assert list(match.groupdict().values()) == list(ours.fullmatch(filled).groups())  # type: ignore[union-attr]


def layers(app: FastAPI) -> list[str]:
    """The names of the application's middleware."""
    return [getattr(layer.cls, "__name__", "") for layer in app.user_middleware]


@pytest.mark.parametrize(("insides", "named"), OTHERS)
def test_another_version_goes_the_long_way_with_one_warning(insides: Insides, named: str) -> None:
    with structlog.testing.capture_logs() as logs:
        app = build(GatewaySettings(), Answering(), insides=insides)
    [warning] = [line for line in logs if line["log_level"] == "warning"]
    assert "fast_path_not_taken" == warning["event"]
    assert named in warning["detail"]
    assert FastPath.__name__ not in layers(app)
    assert isinstance(app.state.representations, FastApisReads)
    assert {None} == {route.compiled for route in routes(app, insides)}


def test_this_version_goes_the_short_way_without_one() -> None:
    with structlog.testing.capture_logs() as logs:
        app = build(GatewaySettings(), Answering())
    assert [] == logs
    assert FastPath.__name__ in layers(app)
    assert isinstance(app.state.representations, CompiledReads)


CONDITIONS: list[tuple[bytes, bytes]] = [
    (b"if-match", b'"3"'),
    (b"if-match", b'"4"'),
    (b"if-match", b'"3", "4"'),
    (b"if-match", b"*"),
    (b"if-none-match", b'"3"'),
    (b"if-none-match", b'"2"'),
    (b"if-none-match", b"*"),
]


async def test_conditions_are_held_against_the_same_resource_the_long_way() -> None:
    known, unknown = Gateway(fast=True), Gateway(fast=True, insides=OTHERS[0][0])
    for asked in fitting(known.app).values():
        for name, value in CONDITIONS:
            one = asked.with_header(b"if-match").with_header(name, value)
            assert await known.answer(one) == await unknown.answer(one), one


def test_every_route_has_what_is_read_of_it(application: FastAPI) -> None:
    of_ours: list[Any] = [route for route in routes_of(application) if route.path and route.path.startswith("/v1")]
    assert of_ours
    assert [] == [name for route in of_ours for name in OF_ROUTE if not hasattr(route, name)]
