"""Probes for a supervisor and a load balancer. They call no endpoint."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from gateway.dependencies import dependencies
from gateway.problems import RETRY_AFTER
from gateway.routing.operations import documented
from gateway.routing.route import JsonRoute
from gateway.upstream.contracts import ContractReport
from gateway.upstream.readiness import Report
from mesh.telemetry.probes import PROBES

router = APIRouter(tags=["health"], route_class=JsonRoute)

PATHS: Final = PROBES


class Alive(BaseModel):
    """The process is alive."""

    alive: bool = True


@router.get("/healthz", summary="Check that the process is alive")
async def get_health() -> Alive:
    """Check this process only: a restart of the gateway would not help an unavailable service."""
    return Alive()


class VerboseReport(Report):
    """The same, with the instances that have other contracts than the gateway."""

    contracts: ContractReport


Verbose = Annotated[bool, Query(description="Also compare the contracts of every instance: takes half a second.")]


@router.get(
    "/readyz",
    summary="Check that the gateway is ready",
    responses={422: documented(422), 503: {"model": Report}},
)
async def get_readiness(request: Request, response: Response, verbose: Verbose = False) -> VerboseReport | Report:  # noqa: FBT002  # a query parameter
    """Check NATS and every service. 503 if the gateway is not ready."""
    known = dependencies(request)
    report = await known.readiness.report()
    if verbose:
        report = VerboseReport(**report.model_dump(), contracts=await known.contracts.report())
    response.headers["Cache-Control"] = "no-store"
    if not report.ready:
        response.status_code = 503
        response.headers.update(RETRY_AFTER[503])
    return report
