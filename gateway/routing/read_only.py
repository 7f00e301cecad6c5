"""Read-only fields in the body of a change: those that come back unchanged are no error.

Clients read a resource, change some of its fields and send all of them. So the gateway compares the others with what
GET responds now.
"""

from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import from_json, to_json
from starlette.requests import Request

from gateway.routing.conditional_writes import expected_version, representation
from gateway.semantics.conditions import version_of
from mesh.core.errors import Code, FieldError, Invalid, RemoteFault
from mesh.wire.field_reasons import FieldReason
from mesh.wire.json_text import ambiguity

CHANGES: Final = frozenset({"PATCH", "PUT"})
_SENT: Final = "gateway.read_only_fields"


def read_only_fields(shown: Any, body: Any) -> frozenset[str]:  # noqa: ANN401  # annotations of any type
    """The fields of what GET shows that a body cannot change."""
    models = [one for one in (shown, body) if isinstance(one, type) and issubclass(one, BaseModel)]
    return frozenset(models[0].model_fields.keys() - models[1].model_fields.keys()) if len(models) == 2 else frozenset()  # noqa: PLR2004  # both


def divided(body: bytes, names: frozenset[str]) -> tuple[bytes, dict[str, Any]] | None:
    """The body without its read-only fields, and these; None if it has none, or is no unambiguous JSON."""
    try:
        fields = from_json(body, allow_inf_nan=False)
    except ValueError:
        return None
    if not isinstance(fields, dict) or names.isdisjoint(fields) or ambiguity(body) is not None:
        return None
    sent = {name: fields.pop(name) for name in names & fields.keys()}
    return to_json(fields), sent


def keep(request: Request, sent: dict[str, Any]) -> None:
    """Keep the read-only fields of a request until `require_unchanged` compares them."""
    request.scope[_SENT] = sent


async def require_unchanged(request: Request) -> None:
    """Raise Invalid for a read-only field with another value than the resource has."""
    sent: dict[str, Any] | None = request.scope.get(_SENT)
    if sent is None:
        return
    takes_version = request.scope["route"].takes_version
    expected = await expected_version(request)
    if takes_version and expected is None:
        return  # the write is refused (428)
    try:
        current = await representation(request)
    except RemoteFault as fault:
        if fault.code is not Code.NOT_FOUND or takes_version:
            raise
        current = None
    if takes_version and (current is None or version_of(current.headers.get(b"etag", b"")) != expected):
        return  # the write is refused (412)
    shown = {} if current is None else from_json(current.body)
    if changed := [name for name in sorted(sent) if name not in shown or to_json(shown[name]) != to_json(sent[name])]:
        errors = [FieldError(field=name, reason=FieldReason.READ_ONLY, message="cannot be changed") for name in changed]
        raise Invalid("invalid_payload", f"read-only fields: {', '.join(changed)}", errors)
