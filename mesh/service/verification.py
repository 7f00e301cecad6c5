"""Who calls an endpoint, and whether they may."""

from collections.abc import Awaitable, Callable
from typing import Any

from mesh.core.context import Caller, Context
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import Unauthenticated
from mesh.security.verifier import require_access

Verify = Callable[[str], Awaitable[Caller]]
"""Verifies an `Authorization` header and returns its caller. Raises Unauthenticated."""


async def verified(verify: Verify, endpoint: Endpoint[Any, Any], context: Context) -> Context:
    """The context with its verified caller, if the token has one. Raises Unauthenticated, Forbidden."""
    try:
        caller = await verify(context.authorization or "")
    except Unauthenticated as error:
        if endpoint.access is Access.ANYONE:
            return context  # a handler that needs a caller calls context.caller(), which raises
        if context.authorization is None:
            raise Unauthenticated("token_required", "an access token is required") from error
        raise
    require_access(endpoint.access, caller)
    return context._replace(caller=caller)
