"""The newest log lines of all processes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from console.api.application import watch_of
from console.sources.logs import SEVERITY, Line
from console.sources.reading import contains

router = APIRouter()


class Filters(BaseModel):
    """Which lines are wanted. Every filter must match."""

    text: str = Field("", max_length=200)
    service: str = Field("", max_length=100)
    level: str = Field("", max_length=10)
    """The least severe level."""
    request: str = Field("", max_length=200)
    """A request id or a trace id."""
    limit: int = Field(200, ge=1, le=1000)

    def match(self, line: Line) -> bool:
        """Whether a line is wanted."""
        return (
            (not self.service or line.service == self.service)
            and SEVERITY.get(line.level, 0) >= SEVERITY.get(self.level, 0)
            and (not self.request or self.request in (line.request_id, line.trace_id))
            and contains(line.text(), self.text)
        )


@router.get("/api/logs")
async def newest(request: Request, filters: Annotated[Filters, Query()]) -> list[dict[str, Any]]:
    """The newest lines that match, the newest first."""
    return [line.document() for line in watch_of(request).logs.newest(filters.limit, filters.match)]
