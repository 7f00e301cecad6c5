"""The map, and the statistics of each instance."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from console.api.application import watch_of

router = APIRouter()


@router.get("/api/mesh")
async def mesh(request: Request) -> dict[str, Any]:
    """The newest map."""
    return watch_of(request).picture


@router.get("/api/instances")
async def instances(request: Request) -> list[dict[str, Any]]:
    """Every instance with the rates of its endpoints."""
    return [{**asdict(one), "rate": one.rate, "error_rate": one.error_rate} for one in watch_of(request).instances.all]
