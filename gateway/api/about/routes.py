"""`/` and `/v1/problems`. They call no endpoint."""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from gateway.api.about.pages import index_page, problem_page, problems_page
from gateway.api.about.schemas import Index, Link, ProblemType, ProblemTypes
from gateway.routing.operations import documented
from gateway.routing.route import JsonRoute
from gateway.semantics.negotiation import prefers_html
from gateway.semantics.problem_types import PAGES, problem_types
from mesh.core.errors import NotFound
from mesh.core.version import package_version
from mesh.wire.problem import REASON_PATTERN

router = APIRouter(tags=["about"], route_class=JsonRoute)

PATHS: Final = frozenset({"/", PAGES, f"{PAGES}/{{reason}}"})
_LINKS: Final = (
    Link(rel="service-doc", href="/docs", title="Documentation, to try the API"),
    Link(rel="service-desc", href="/openapi.json", title="OpenAPI document"),
    Link(rel="problems", href=PAGES, title="Problems: what each error means, and what to do"),
    Link(rel="status", href="/readyz", title="Health"),
)
_TWO_TYPES: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}
_Shape = TypeVar("_Shape", bound=BaseModel)


class _Written:
    """One resource, written once in each media type."""

    def __init__(self, shape: _Shape, page: Callable[[_Shape], str]) -> None:
        self._json = _response(shape.model_dump_json(), "application/json")
        self._html = _response(page(shape), "text/html; charset=utf-8")

    def response(self, request: Request) -> Response:
        """The one that the client prefers."""
        body, headers = self._html if prefers_html(request.scope["headers"]) else self._json
        return Response(body, headers=headers)


def _response(text: str, media_type: str) -> tuple[bytes, dict[str, str]]:
    body = text.encode()
    etag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
    return body, {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept", "Content-Type": media_type}


@router.get("/", response_model=Index, responses=_TWO_TYPES, summary="Find the documents of the API")
async def get_index(request: Request) -> Response:
    """Link to the documentation, the OpenAPI document, the problems and the health of the API."""
    return _index().response(request)


@router.get(PAGES, response_model=ProblemTypes, responses=_TWO_TYPES, summary="List the types of problems")
async def list_problem_types(request: Request) -> Response:
    """List every reason that an error may have."""
    return _list().response(request)


@router.get(
    f"{PAGES}/{{reason}}",
    response_model=ProblemType,
    responses={**_TWO_TYPES, 404: documented(404), 422: documented(422)},
    summary="Explain a problem",
)
async def get_problem_type(
    reason: Annotated[
        str, Path(pattern=REASON_PATTERN, examples=["version_mismatch"], description="Of a problem document.")
    ],
    request: Request,
) -> Response:
    """Explain what a reason means, whether a retry helps, and what to do. The `type` of each problem points here."""
    if (found := _types().get(reason)) is None:
        raise NotFound("unknown_path", "there is no such reason")
    return found.response(request)


@cache
def _index() -> _Written:
    return _Written(Index(name="Northwind mesh", version=package_version(), links=_LINKS), index_page)


@cache
def _list() -> _Written:
    items = tuple(ProblemType.model_validate(known) for known in problem_types().values())
    return _Written(ProblemTypes(items=items), problems_page)


@cache
def _types() -> Mapping[str, _Written]:
    shapes = {name: ProblemType.model_validate(known) for name, known in problem_types().items()}
    return {name: _Written(shape, problem_page) for name, shape in shapes.items()}
