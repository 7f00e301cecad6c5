"""What is wrong with the mesh, and what to do about it."""

from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.requests import Request

from console.api.application import watch_of
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from ops.diagnosis.examine import examine
from ops.diagnosis.finding import Declared
from services import PROCESSES
from subjects import ENDPOINTS, EVENTS

router = APIRouter()


@router.get("/api/doctor")
async def doctor(request: Request) -> list[dict[str, Any]]:
    """Every finding, the worst first."""
    watch = watch_of(request)
    await watch.read_all_metrics()
    scrapes = {name: one.now for name, one in watch.metrics.by_process.items()}
    try:
        findings = await examine(watch.transport, Declared(PROCESSES, ENDPOINTS, EVENTS), scrapes=scrapes)
    except MeshError as error:
        raise HTTPException(503, f"NATS does not answer: {escaped(str(error)[:200])}") from error
    return [one.document() for one in findings]
