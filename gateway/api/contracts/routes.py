"""The AsyncAPI document over HTTP. It calls no endpoint; `mesh contracts export` has written it."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, Request, Response

from gateway.routing.guard import caller
from gateway.routing.route import JsonRoute
from gateway.semantics.json_response import JsonResponse
from mesh.core.endpoint import Access
from mesh.core.errors import NotFound
from mesh.security.verifier import require_access

router = APIRouter(route_class=JsonRoute)

PATHS: Final = frozenset({"/asyncapi.json"})
_FILE: Final = Path(__file__).parents[3] / "docs" / "contracts" / "asyncapi.json"
"""In a checkout, a wheel and an image alike."""


async def require_administrator(request: Request) -> None:
    """Let administrators pass: the document shows every subject, also those that no route calls."""
    require_access(Access.ADMIN, await caller(request))


@router.get("/asyncapi.json", include_in_schema=False, dependencies=[Depends(require_administrator)])
async def get_asyncapi() -> Response:
    """Return the AsyncAPI document of the mesh."""
    body, etag = _document()
    return JsonResponse(body, 200, [(b"etag", etag), (b"cache-control", b"private, no-cache")])


@cache
def _document() -> tuple[bytes, bytes]:
    """The document and its ETag, read once. Raises NotFound if this installation has none."""
    try:
        body = _FILE.read_bytes()
    except FileNotFoundError:
        raise NotFound("unknown_path", "this gateway is installed without its AsyncAPI document") from None
    return body, b'"%s"' % hashlib.blake2b(body, digest_size=8).hexdigest().encode()
