"""The newest requests, and one of them with all its steps and log lines."""

from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from console.api.application import watch_of
from console.sources.reading import contains
from console.sources.traces import Span, Trace

router = APIRouter()


class Filters(BaseModel):
    """Which requests are wanted. Every filter must match."""

    text: str = Field("", max_length=200)
    route: str = Field("", max_length=200)
    status: str = Field("", max_length=20)
    """A status, or a class such as `5xx`."""
    min_ms: float = Field(0.0, ge=0)
    failed: bool = False
    limit: int = Field(100, ge=1, le=500)

    def match(self, trace: Trace) -> bool:
        """Whether a request is wanted."""
        about = trace.summary()
        return (
            (not self.route or self.route in about["route"])
            and (not self.status or _has_status(str(about["status"]), self.status))
            and about["ms"] >= self.min_ms
            and (not self.failed or bool(about["error"]))
            and contains((trace.trace_id, *trace.text()), self.text)
        )


@router.get("/api/requests")
async def newest(request: Request, filters: Annotated[Filters, Query()]) -> list[dict[str, Any]]:
    """The newest requests that match, the newest first."""
    found = islice(filter(filters.match, watch_of(request).traces.newest()), filters.limit)
    return sorted((trace.summary() for trace in found), key=lambda about: -about["at"])


@router.get("/api/traces/{any_id}")
async def one(request: Request, any_id: str) -> dict[str, Any]:
    """A request by trace id or request id: its spans in order, and the log lines that belong to it."""
    watch = watch_of(request)
    trace = watch.traces.find(any_id)
    if trace is None:
        raise HTTPException(404, "this request is not kept, or was not traced")
    request_id = trace.request_id
    lines = [
        line.document()
        for line in watch.logs
        if line.trace_id == trace.trace_id or (request_id and line.request_id == request_id)
    ]
    spans = sorted(trace.spans, key=lambda span: (span.start, -span.end))
    return {
        **trace.summary(),
        "dropped": trace.dropped,
        "steps": [_step(span, spans[0].start) for span in spans],
        "logs": sorted(lines, key=lambda line: line["at"]),
    }


def _step(span: Span, begin: int) -> dict[str, Any]:
    """A span as JSON, with times in milliseconds: a browser's numbers hold no Unix nanoseconds exactly."""
    about = asdict(span)
    del about["start"], about["end"]
    return {**about, "after_ms": (span.start - begin) / 1e6, "ms": span.ms}


def _has_status(status: str, wanted: str) -> bool:
    return status.startswith(wanted[0]) if wanted.endswith("xx") else status == wanted
