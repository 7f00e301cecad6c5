"""Gives every list its headers: links to its pages where a reply has a `next_cursor`, and its total if asked for."""

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Protocol, cast

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gateway.semantics.page_links import LINK, page_links
from gateway.semantics.totals import DOCUMENTED, total_headers


class Page(Protocol):
    """A page of a list."""

    next_cursor: str | None


class CountedPage(Page, Protocol):
    """A page of a list that can be counted."""

    total: int | None
    total_estimated: bool


def is_paged(function: Callable[..., Any]) -> bool:
    """Whether a route's function returns pages."""
    returned = inspect.signature(function).return_annotation
    return isinstance(returned, type) and issubclass(returned, BaseModel) and "next_cursor" in returned.model_fields


def page_headers(function: Callable[..., Any]) -> dict[str, Any]:
    """The headers of a list, as OpenAPI describes them."""
    return {"Link": LINK, **(DOCUMENTED if _is_counted(function) else {})}


def _is_counted(function: Callable[..., Any]) -> bool:
    """Whether the pages of a route's function have a total."""
    return "total" in inspect.signature(function).return_annotation.model_fields


def linked(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The function of a list, with `Link` set in its response.

    It takes a request and a response besides, as FastAPI gives them. Raises RuntimeError for a function that takes one
    of them itself: FastAPI gives a route only one of each.
    """
    signature = inspect.signature(function)
    if {Request, Response} & {parameter.annotation for parameter in signature.parameters.values()}:
        raise RuntimeError(f"{function.__name__} is a list, and takes its request or response itself")

    is_counted = _is_counted(function)

    @wraps(function)
    async def with_link(*, page_request: Request, page_response: Response, **arguments: Any) -> Any:  # noqa: ANN401  # the function's own
        page = cast("Page", await function(**arguments))
        scope = page_request.scope
        links = page_links(scope["path"], scope["query_string"], page.next_cursor)
        page_response.raw_headers.append((b"link", links.encode("latin-1")))
        if is_counted and (counted := cast("CountedPage", page)).total is not None:
            page_response.headers.update(total_headers(counted.total, estimated=counted.total_estimated))
        return page

    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
        for name, kind in (("page_request", Request), ("page_response", Response))
    ]
    parameters = [*signature.parameters.values(), *added]
    with_link.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # FastAPI reads it
    return with_link
