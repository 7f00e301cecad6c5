"""The endpoints: their contracts, how busy they are, and a way to call one."""

import asyncio
import json
import time
import uuid
from typing import Any, Final

import httpx2
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from starlette.requests import Request

from console.api.application import watch_of
from console.catalogue import as_http, catalogue
from console.sources.reading import json_or
from console.watch import Watch
from mesh.core.context import request_id_from
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from mesh.wire import names
from mesh.wire.request_headers import deadline_headers

router = APIRouter()

_WITHIN: Final = 10.0
_LARGEST: Final = 256 * 1024


@router.get("/api/endpoints")
async def endpoints() -> dict[str, Any]:
    """Every endpoint by subject, and the shapes that they use."""
    known = await asyncio.to_thread(catalogue)
    return {"endpoints": known.endpoints, "shapes": known.shapes}


@router.get("/api/rates")
async def rates(request: Request) -> dict[str, list[list[float | None]]]:
    """The last minutes of each endpoint by subject: requests a second, errors a second, mean and p99 milliseconds."""
    return {subject: [list(point) for point in points] for subject, points in watch_of(request).history.items()}


class Call(BaseModel):
    """A call that somebody makes on the page."""

    subject: str = Field(max_length=200)
    payload: dict[str, Any]
    token: str = Field("", max_length=5000, repr=False)
    """An access token; changes need an administrator's."""
    confirmed: bool = False
    """Whether the person confirmed a change."""


@router.post("/api/call")
async def call(request: Request, wanted: Call) -> dict[str, Any]:
    """Call an endpoint: over NATS where an operator may, through the gateway otherwise."""
    entry = (await asyncio.to_thread(catalogue)).endpoints.get(wanted.subject)
    if entry is None:
        raise HTTPException(404, "there is no such endpoint")
    if not entry["reads"] and not wanted.confirmed:
        raise HTTPException(409, "this changes data: confirm it")
    if not entry["reads"] and not wanted.token:
        raise HTTPException(403, "a change needs an administrator's access token")
    watch, request_id = watch_of(request), request_id_from(None)
    began = time.perf_counter()
    if entry["over"] == "nats":
        answer = await _over_nats(watch, wanted, request_id)
    elif entry["over"] == "http":
        answer = await _over_http(watch, wanted, request_id, entry)
    else:
        raise HTTPException(409, "only services may call this: no route of the gateway sends it")
    return {**answer, "ms": (time.perf_counter() - began) * 1e3, "request_id": request_id}


async def _over_nats(watch: Watch, wanted: Call, request_id: str) -> dict[str, Any]:
    headers = {names.REQUEST_ID: request_id, **deadline_headers(_WITHIN, time.time())}
    if wanted.token:
        headers[names.AUTHORIZATION] = f"Bearer {wanted.token}"
    try:
        reply = await watch.transport.request(wanted.subject, json.dumps(wanted.payload).encode(), headers, _WITHIN)
    except MeshError as error:
        raise HTTPException(503, escaped(str(error)[:300])) from error
    code = reply.headers.get(names.ERROR_CODE, "")
    return {"over": "nats", "ok": not code, "status": escaped(code[:50]) or "ok", "body": _shown(reply.payload)}


async def _over_http(watch: Watch, wanted: Call, request_id: str, entry: Any) -> dict[str, Any]:  # noqa: ANN401
    if not (url := watch.settings.console_gateway_url):
        raise HTTPException(409, "the console does not know the gateway: set CONSOLE_GATEWAY_URL")
    try:
        sent = as_http(entry["routes"][0], wanted.payload)
    except ValueError as error:
        raise HTTPException(422, escaped(str(error))) from error
    headers = {**sent.headers, names.REQUEST_ID: request_id}
    if wanted.token:
        headers[names.AUTHORIZATION] = f"Bearer {wanted.token}"
    if entry["keyed"]:
        headers[names.IDEMPOTENCY_KEY] = str(uuid.uuid4())
    try:
        answer = await watch.http.request(
            sent.method, f"{url}{sent.path}", params=sent.query, headers=headers, json=sent.body, timeout=_WITHIN
        )
    except (httpx2.HTTPError, ValueError) as error:
        raise HTTPException(503, f"the gateway does not answer: {type(error).__name__}") from error
    shown = f"{sent.method} {sent.path}"
    return {
        "over": f"http: {shown}",
        "ok": answer.is_success,
        "status": answer.status_code,
        "body": _shown(answer.content),
    }


def _shown(body: bytes) -> Any:  # noqa: ANN401  # any JSON
    """The body as JSON, or as text if it is none."""
    if not body:
        return None
    shown = body[:_LARGEST]
    return json_or(shown, escaped(shown.decode(errors="replace"), keep="\n"))
