"""Maps endpoints to handlers: each method declares its endpoint, and the start checks that none is missing."""

import inspect
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator
from typing import Any, TypeVar, get_type_hints

from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.process.run import StartError

Owner = TypeVar("Owner")
AnyEndpoint = Endpoint[Any, Any]
AnyHandler = Callable[[Any], Awaitable[Any]]

_MARK = "_answers"


def answers(
    endpoint: Endpoint[Req, Rep],
) -> Callable[[Callable[[Owner, Req], Coroutine[Any, Any, Rep]]], Callable[[Owner, Req], Coroutine[Any, Any, Rep]]]:
    """Declare that a method answers the endpoint. It takes the endpoint's request and returns its reply."""

    def declare(method: Callable[[Owner, Req], Coroutine[Any, Any, Rep]]) -> Any:  # noqa: ANN401  # the method itself
        vars(method)[_MARK] = endpoint
        return method

    return declare


def collect(endpoints: Collection[AnyEndpoint], owners: Iterable[object]) -> dict[AnyEndpoint, AnyHandler]:
    """The handler of each endpoint, collected from the methods of the owners.

    Raises StartError, with all mistakes in one line, unless each endpoint has exactly one handler with the endpoint's
    types, and every handler belongs to one of the endpoints.
    """
    found: dict[AnyEndpoint, AnyHandler] = {}
    faults = []
    for owner in owners:
        for method, endpoint in declared(type(owner)):
            if endpoint in found:
                faults.append(f"{endpoint.subject} has a second handler, {method.__qualname__}")
            elif endpoint not in endpoints:
                faults.append(f"{method.__qualname__} answers {endpoint.subject}, which another service owns")
            elif fault := _mistyped(method, endpoint):
                faults.append(fault)
            found[endpoint] = getattr(owner, method.__name__)
    faults += [f"{endpoint.subject} has no handler" for endpoint in endpoints if endpoint not in found]
    if faults:
        raise StartError(f"handlers: {'; '.join(faults)}")
    return {endpoint: found[endpoint] for endpoint in endpoints}


def declared(owner: type) -> Iterator[tuple[Callable[..., Any], AnyEndpoint]]:
    """The methods of a class that answer an endpoint, each with the endpoint."""
    for _, method in inspect.getmembers_static(owner, inspect.isfunction):
        if (endpoint := vars(method).get(_MARK)) is not None:
            yield method, endpoint


def _mistyped(method: Callable[..., Any], endpoint: AnyEndpoint) -> str | None:
    """How the method's types differ from the endpoint's; None if they do not."""
    hints = get_type_hints(method)
    reply = hints.pop("return", None)
    if (*hints.values(), reply) == (endpoint.request, endpoint.reply):
        return None
    wanted = f"{endpoint.request.__name__} -> {endpoint.reply.__name__}"
    return f"{method.__qualname__} must be {wanted}, as {endpoint.subject} declares"
