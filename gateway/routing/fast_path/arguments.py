"""Reads the arguments of a route's functions as FastAPI would, for requests that are valid (ADR 9)."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from fastapi import params
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from gateway.routing.fastapi_inside import Dependant
from gateway.routing.misfit import DoesNotFit
from gateway.semantics.media_type import unsupported
from mesh.core.errors import Invalid
from mesh.wire.json_text import require_unique_names

_SCALARS: Final = (str, int, float, Decimal, date, NoneType)


class NotCompilable(Exception):
    """The route needs something that only FastAPI provides."""


class Given:
    """A request, and what is needed to answer it."""

    __slots__ = ("body", "path", "query", "receive", "request", "response", "scope")

    def __init__(self, scope: Scope, receive: Receive, path: dict[str, str]) -> None:
        self.scope = scope
        self.receive = receive
        self.request = Request(scope, receive)
        self.path = path
        self.query: dict[str, str] = {}
        self.body: bytes | None = None
        """None until it is read."""
        self.response: Response | None = None
        """The response whose status and headers the route's function sets, if it asks for one."""

    async def read_body(self) -> None:
        """Read the whole body. Raises HTTPException as FastAPI does."""
        chunks = []
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise HTTPException(400)
            chunks.append(message.get("body", b""))
            more = message.get("more_body", False)
        self.body = b"".join(chunks)

    async def receive_again(self) -> Message:
        """See ASGI: replays the body that was read."""
        if self.body is None:
            return await self.receive()
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}


Read = Callable[[Given], Any]
"""Reads an argument. Raises DoesNotFit."""


def arguments(dependant: Dependant) -> tuple[tuple[str, Read], ...]:
    """How to read each argument of a function, given FastAPI's analysis. Raises NotCompilable."""
    if (
        dependant.cookie_params
        or dependant.websocket_param_name
        or dependant.http_connection_param_name
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
        or dependant.concurrency
    ):
        raise NotCompilable(f"{dependant.call} needs more than path, query, headers and body")
    read: list[tuple[str, Read]] = [
        *((field.name, _parameter(field, _in_path)) for field in dependant.path_params),
        *((field.name, _query(field, dependant.query_params)) for field in dependant.query_params),
        *((field.name, _parameter(field, _in_headers)) for field in dependant.header_params),
        *((field.name, _body(field, dependant.body_params)) for field in dependant.body_params),
    ]
    if dependant.request_param_name:
        read.append((dependant.request_param_name, _request))
    if dependant.response_param_name:
        read.append((dependant.response_param_name, _response))
    return tuple(read)


Find = Callable[[Given], str | None]


def _in_path(key: str) -> Find:
    return lambda given: given.path.get(key)


def _in_query(key: str) -> Find:
    return lambda given: given.query.get(key)


def _in_headers(key: str) -> Find:
    wanted = key.lower().encode("latin-1")

    def find(given: Given) -> str | None:
        for name, value in given.scope["headers"]:
            if name == wanted:
                found: bytes = value
                return found.decode("latin-1")
        return None

    return find


def _parameter(field: Any, where: Callable[[str], Find]) -> Read:  # noqa: ANN401  # ModelField is FastAPI\'s own
    """One value, read from text."""
    if not _is_plain(field.field_info):
        raise NotCompilable(f"{field.name} has several values or several names")
    find = where(field.validation_alias or field.alias)
    missing = _default(field)

    def read(given: Given) -> Any:  # noqa: ANN401  # of the argument's type
        text = find(given)
        return missing() if text is None else _valid(field, text)

    return read


def _query(field: Any, fields: list[Any]) -> Read:  # noqa: ANN401  # ModelField is FastAPI\'s own
    """A query parameter, or all of them as a model."""
    model = field.field_info.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return _parameter(field, _in_query)
    if len(fields) > 1 or not all(_is_plain(one) and one.alias is None for one in model.model_fields.values()):
        raise NotCompilable(f"{model.__name__} has fields with several values or with aliases")
    return lambda given: _valid(field, given.query)


def _body(field: Any, fields: list[Any]) -> Read:  # noqa: ANN401  # ModelField is FastAPI\'s own
    """The JSON body, as JsonRequest reads it."""
    if len(fields) > 1 or type(field.field_info) is not params.Body or field.field_info.embed:
        raise NotCompilable(f"{field.name} is not the whole of a JSON body")
    body: Any = field.field_info.annotation
    json = TypeAdapter[Any](body)
    missing = _default(field)

    def read_body(given: Given) -> Any:  # noqa: ANN401  # of the argument's type
        if not given.body:
            return missing()
        if unsupported(given.scope["headers"], given.scope["method"]):
            raise DoesNotFit
        try:
            read = json.validate_json(given.body)
            require_unique_names(given.body, read)
        except (ValidationError, Invalid):
            raise DoesNotFit from None
        return _valid(field, read)

    return read_body


def _request(given: Given) -> Request:
    return given.request


def _response(given: Given) -> Response:
    if given.response is None:
        given.response = _Unset()
    return given.response


class _Unset(Response):
    """A response without status and headers, as FastAPI makes it from a whole one."""

    def __init__(self) -> None:
        self.status_code = None  # type: ignore[assignment]  # FastAPI's sign for "not set"
        self.background = None
        self.body = b""
        self.raw_headers = []


def _valid(field: Any, value: object) -> Any:  # noqa: ANN401  # ModelField is FastAPI\'s own
    valid, errors = field.validate(value)
    if errors:
        raise DoesNotFit
    return valid


def _default(field: Any) -> Callable[[], Any]:  # noqa: ANN401  # ModelField is FastAPI\'s own
    """The default of an argument that the request omits."""

    def refuse() -> None:
        raise DoesNotFit

    if field.field_info.is_required():
        return refuse
    default = field.field_info.default
    if field.field_info.validate_default or not isinstance(default, _SCALARS):
        raise NotCompilable(f"{field.name} has a default_factory")
    return lambda: default


def _is_plain(info: Any) -> bool:  # noqa: ANN401  # FastAPI's and pydantic's FieldInfo
    """Whether it is a single value with a single name."""
    return isinstance(info.validation_alias, str | None) and _is_scalar(info.annotation)


def _is_scalar(annotation: Any) -> bool:  # noqa: ANN401  # annotations are of any type
    match get_origin(annotation):
        case origin if origin is Annotated:
            return _is_scalar(get_args(annotation)[0])
        case origin if origin is Literal:
            return all(isinstance(value, _SCALARS) for value in get_args(annotation))
        case origin if origin in (Union, UnionType):
            return all(map(_is_scalar, get_args(annotation)))
        case _:
            return isinstance(annotation, type) and issubclass(annotation, _SCALARS)
