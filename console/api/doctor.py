"""What is wrong with the mesh, and what to do about it."""

from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.requests import Request

from console.api.application import watch_of
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from ops.diagnosis import Declared, examine
from services import PROCESSES
from subjects import ENDPOINTS, EVENTS

router = APIRouter()


@router.get("/api/doctor")
async def doctor(request: Request) -> list[dict[str, Any]]:
    """Every finding, the worst first."""
    try:
        findings = await examine(watch_of(request).transport, Declared(PROCESSES, ENDPOINTS, EVENTS))
    except MeshError as error:
        raise HTTPException(503, f"NATS does not answer: {escaped(str(error)[:200])}") from error
    order = ("error", "warning", "ok")
    return [one.document() for one in sorted(findings, key=lambda one: order.index(one.severity))]
