"""A route compiled for the fast path: FastAPI's analysis of it, turned into plain calls once (ADR 9)."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi.exceptions import ResponseValidationError
from starlette.convertors import StringConvertor
from starlette.responses import JSONResponse, Response

from gateway.routing.fast_path.arguments import Given, NotCompilable, Read, arguments
from gateway.routing.fastapi_inside import (
    DefaultPlaceholder,
    Dependant,
    RouteContext,
    is_body_allowed_for_status_code,
    jsonable_encoder,
)
from gateway.routing.route import JsonRoute, query_names, read_query
from gateway.semantics.json_response import JsonResponse
from gateway.semantics.preferences import as_preferred


class CompiledRoute:
    """Responds as FastAPI does for the same route. Raises NotCompilable if it cannot."""

    def __init__(self, context: RouteContext) -> None:
        route = context.original_route
        if not isinstance(route, JsonRoute) or not isinstance(context.response_class, DefaultPlaceholder):
            raise NotCompilable(f"{context.name} is not a JsonRoute that answers with JSON")
        if context.max_body_size is not None:
            raise NotCompilable(f"{context.name} has a max_body_size of its own")
        if any(type(convertor) is not StringConvertor for convertor in context.param_convertors.values()):
            raise NotCompilable(f"{context.name} has a path converter")
        dependant: Dependant = context.dependant
        self.route = route
        self._query_names = query_names(dependant)
        self._takes_body = context.body_field is not None
        self._dependencies = [_call(dependency) for dependency in dependant.dependencies]
        self._function = _call(dependant)
        self._status: int | None = context.status_code
        self._reply = context.response_field
        functions = {id(call.function) for call in self._dependencies}
        if len(functions) < len(self._dependencies) or any(one.dependencies for one in dependant.dependencies):
            raise NotCompilable(f"{context.name} has a repeated or a nested dependency")
        if self._reply is not None:
            self._dump: Callable[[Any], bytes] = partial(
                self._reply.serialize_json,
                include=context.response_model_include,
                exclude=context.response_model_exclude,
                by_alias=context.response_model_by_alias,
                exclude_unset=context.response_model_exclude_unset,
                exclude_defaults=context.response_model_exclude_defaults,
                exclude_none=context.response_model_exclude_none,
            )

    async def respond(self, given: Given) -> Response:
        """The response. Raises DoesNotFit before any effect, and whatever the route's functions raise."""
        scope = given.scope
        scope["route"], scope["path_params"] = self.route, given.path
        if query := scope["query_string"]:
            given.query = read_query(query, self._query_names)
        if self._takes_body:
            await given.read_body()
        dependencies = [(call, call.read(given)) for call in self._dependencies]
        taken = self._function.read(given)
        for call, needed in dependencies:
            result = await call.function(**needed)
            if call.name is not None:
                taken[call.name] = result
        result = await self._function.function(**taken)
        return result if isinstance(result, Response) else self._written(result, given.response)

    def _written(self, result: Any, wanted: Response | None) -> Response:  # noqa: ANN401  # whatever the route returns
        """The result as JSON. `wanted` has the status and headers that the route's function set."""
        status = (wanted.status_code if wanted else None) or self._status or 200
        has_body = is_body_allowed_for_status_code(status)
        if self._reply is None:
            response: Response = JSONResponse(jsonable_encoder(result), status)
        else:
            value, errors = self._reply.validate(result, {}, loc=("response",))
            if errors:
                raise ResponseValidationError(errors, body=result)
            body = self._dump(value)
            response = JsonResponse(body, status) if has_body else Response(body, status, media_type="application/json")
        if not has_body:
            response.body = b""
        if wanted is not None:
            response.raw_headers.extend(wanted.raw_headers)
        return response


class CompiledWrite(CompiledRoute):
    """The same for a write that responds with a resource: a client may prefer not to get it."""

    async def respond(self, given: Given) -> Response:
        """See CompiledRoute."""
        return as_preferred(await super().respond(given), given.scope["headers"])


def compiled(context: RouteContext) -> CompiledRoute:
    """The route, compiled. Raises NotCompilable if it cannot be."""
    route = context.original_route
    prefers = isinstance(route, JsonRoute) and route.takes_preference
    return CompiledWrite(context) if prefers else CompiledRoute(context)


@dataclass(frozen=True, slots=True)
class _Call:
    """A function with its arguments: the route's own, or a dependency whose result is the argument `name`."""

    function: Callable[..., Awaitable[Any]]
    arguments: tuple[tuple[str, Read], ...]
    name: str | None = None

    def read(self, given: Given) -> dict[str, Any]:
        return {name: read(given) for name, read in self.arguments}


def _call(dependant: Dependant) -> _Call:
    function: Any = dependant.call
    if not inspect.iscoroutinefunction(function) and not inspect.iscoroutinefunction(type(function).__call__):
        raise NotCompilable(f"{function} is not async")
    return _Call(function, arguments(dependant), dependant.name)
