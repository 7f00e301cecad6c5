"""FastAPI's internals. Only this file imports them, and it checks that they are as the fast path expects.

tests/unit/gateway/routing/test_fastapi_inside.py pins each of them; pyproject.toml excludes newer minor
versions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from fastapi import FastAPI
from fastapi._compat import ModelField
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.encoders import jsonable_encoder
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.utils import is_body_allowed_for_status_code

__all__ = [
    "DefaultPlaceholder",
    "Dependant",
    "ModelField",
    "RouteContext",
    "is_body_allowed_for_status_code",
    "jsonable_encoder",
    "positional",
    "routes_of",
]

OF_DEPENDANT: Final = frozenset(
    {
        "background_tasks_param_name",
        "body_params",
        "call",
        "concurrency",
        "cookie_params",
        "dependencies",
        "header_params",
        "http_connection_param_name",
        "name",
        "own_oauth_scopes",
        "parent_oauth_scopes",
        "path",
        "path_params",
        "query_params",
        "request_param_name",
        "response_param_name",
        "scope",
        "security_scopes_param_name",
        "use_cache",
        "websocket_param_name",
    }
)
"""Everything a function can ask of FastAPI. The fast path would miss what a newer version adds."""
OF_FIELD: Final = frozenset({"alias", "field_info", "name", "serialize_json", "validate", "validation_alias"})
OF_ROUTE: Final = frozenset(
    {
        "body_field",
        "dependant",
        "max_body_size",
        "methods",
        "name",
        "original_route",
        "param_convertors",
        "path_regex",
        "response_class",
        "response_field",
        "response_model_by_alias",
        "response_model_exclude",
        "response_model_exclude_defaults",
        "response_model_exclude_none",
        "response_model_exclude_unset",
        "response_model_include",
        "status_code",
    }
)
_GROUP_NAME: Final = re.compile(r"\(\?P<\w+>")


@dataclass(frozen=True)
class Insides:
    """The classes that the fast path relies on. A test passes others."""

    dependant: Any = Dependant
    field: Any = ModelField
    of_route: frozenset[str] = OF_ROUTE


def difference(app: FastAPI, insides: Insides) -> str | None:
    """How this version of FastAPI differs from what the fast path expects; None if it does not."""
    ours = {one.name for one in fields(insides.dependant)}
    if ours != OF_DEPENDANT:
        return f"Dependant's fields differ: {', '.join(sorted(ours ^ OF_DEPENDANT))}"
    members = {*dir(insides.field), *getattr(insides.field, "__annotations__", ())}
    if missing := OF_FIELD - members:
        return f"ModelField lacks {', '.join(sorted(missing))}"
    for route in routes_of(app):
        if not isinstance(route.original_route, APIRoute):
            continue
        if lacking := [name for name in sorted(insides.of_route) if not hasattr(route, name)]:
            return f"the route {route.path} lacks {', '.join(lacking)}"
        if not _is_positional(route):
            return f"the pattern of {route.path} is {route.path_regex.pattern}"
    return None


def routes_of(app: FastAPI) -> Iterator[RouteContext]:
    """Every route of the application, in order, as included."""
    return iter_route_contexts(app.routes)


def positional(pattern: str) -> str:
    """The regular expression of a path without anchors and group names."""
    return _GROUP_NAME.sub("(", pattern.removeprefix("^").removesuffix("$"))


def _is_positional(route: RouteContext) -> bool:
    regex: re.Pattern[str] = route.path_regex
    ends = regex.pattern.startswith("^") and regex.pattern.endswith("$")
    return ends and regex.groups == len(route.param_convertors)
