"""How a route names its endpoint: once, as the argument through which it calls it (ADR 17)."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, overload

from fastapi import Depends, params
from starlette.requests import Request

from gateway.dependencies import dependencies
from gateway.routing.fastapi_inside import Dependant
from mesh.core.endpoint import Endpoint, Rep, Req, Shape

_Sent = TypeVar("_Sent")
_Got = TypeVar("_Got")

Call = Callable[[_Sent], Awaitable[_Got]]
"""Sends a request to the route's endpoint on behalf of the user, and returns the reply."""


@dataclass(frozen=True)
class Calling:
    """The dependency that gives a route its call."""

    endpoint: Endpoint[Any, Any]
    """The endpoint, as subjects.py declares it."""
    read_as: Endpoint[Any, Any]
    """The same endpoint, with the shape that the route reads the reply as."""

    async def __call__(self, request: Request) -> Call[Any, Any]:
        """The call, bound to the endpoint and the request."""
        return partial(dependencies(request).client.call, self.read_as)


@overload
def calls(endpoint: Endpoint[Req, Rep]) -> Call[Req, Rep]: ...


@overload
def calls(endpoint: Endpoint[Req, Any], read_as: type[Shape]) -> Call[Req, Shape]: ...


def calls(endpoint: Endpoint[Any, Any], read_as: type[Any] | None = None) -> Call[Any, Any]:
    """Declare the endpoint that a route calls, as the default of an argument.

    JsonRoute derives access, documented errors and the idempotency key from it. `read_as`: the shape to read the reply
    as, if it is not the contract's.
    """
    call: Call[Any, Any] = Depends(Calling(endpoint, endpoint if read_as is None else endpoint.read_as(read_as)))
    return call


class Picking(Calling):
    """The dependency of a list that also reads its items by id, from a second endpoint of the same access (ADR 38)."""


def picks(endpoint: Endpoint[Req, Any], read_as: type[Shape]) -> Call[Req, Shape]:
    """Declare the endpoint that reads the items of a list by id, beside the list's own endpoint."""
    call: Call[Req, Shape] = Depends(Picking(endpoint, endpoint.read_as(read_as)))
    return call


def called(function: Callable[..., Any]) -> Endpoint[Any, Any] | None:
    """The endpoint that a route's function calls.

    Raises RuntimeError for more than one, and for a second one by `picks` that is not a read of the same access.
    """
    defaults = [parameter.default for parameter in inspect.signature(function).parameters.values()]
    found = [default.dependency for default in defaults if isinstance(default, params.Depends)]
    callings = [one for one in found if isinstance(one, Calling)]
    endpoints = [one.endpoint for one in callings if not isinstance(one, Picking)]
    if len(endpoints) > 1:
        raise RuntimeError(f"{function.__name__} calls more than one endpoint: a route declares one")
    first = endpoints[0] if endpoints else None
    for one in callings:
        require_guarded_alike(function, first, one.endpoint)
    return first


def require_guarded_alike(
    function: Callable[..., Any], endpoint: Endpoint[Any, Any] | None, second: Endpoint[Any, Any]
) -> None:
    """Raise RuntimeError unless a second endpoint has the access of the route's own, and reads as that does."""
    if endpoint is None or (second.access, second.read) != (endpoint.access, endpoint.read):
        raise RuntimeError(f"{function.__name__} calls {second.subject}, which is not guarded as the route is")


def calls_within(dependant: Dependant) -> list[Endpoint[Any, Any]]:
    """The endpoints that a route can call, through its own arguments and those of its dependencies.

    Without what a list picks from: `called` has checked its access.
    """
    return [calling.endpoint for calling in callings(dependant) if not isinstance(calling, Picking)]


def callings(dependant: Dependant) -> list[Calling]:
    """Every call, with the shape that the reply is read as."""
    here = [dependant.call] if isinstance(dependant.call, Calling) else []
    return here + [calling for one in dependant.dependencies for calling in callings(one)]
