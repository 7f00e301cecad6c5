"""What a supervisor and a load balancer ask; no end user's business, so without an endpoint behind it."""

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from gateway.dependencies import dependencies
from gateway.problems import RETRY_AFTER
from gateway.routing.route import JsonRoute
from gateway.upstream.readiness import Report

router = APIRouter(tags=["health"], route_class=JsonRoute)

PATHS: Final = frozenset({"/healthz", "/readyz"})


class Alive(BaseModel):
    """The process answers."""

    alive: bool = True


@router.get("/healthz", summary="Is the process alive")
async def get_health() -> Alive:
    """Say so, without asking anybody: restarting the gateway would not help a service that is away."""
    return Alive()


@router.get("/readyz", summary="Can the process do its work", responses={503: {"model": Report}})
async def get_readiness(request: Request, response: Response) -> Report:
    """Say whether NATS is connected and which services answer; 503 where something is missing."""
    report = await dependencies(request).readiness.report()
    response.headers["Cache-Control"] = "no-store"
    if not report.ready:
        response.status_code = 503
        response.headers.update(RETRY_AFTER[503])
    return report
