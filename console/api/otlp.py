"""Receives traces and logs from the processes, by OTLP over HTTP."""

from fastapi import APIRouter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console.api.application import sessions_of, watch_of
from console.sources.otlp import MAX_BODY, Unreadable, read_lines, read_spans, unpacked

router = APIRouter()
_TRACES, _LOGS = (made.SerializeToString() for made in (ExportTraceServiceResponse(), ExportLogsServiceResponse()))


@router.post("/v1/traces")
async def traces(request: Request) -> Response:
    """Keep spans."""
    try:
        watch_of(request).traces.add(read_spans(await _body(request)))
    except PermissionError:
        return _refused()
    except Unreadable as error:
        return JSONResponse({"message": str(error)}, 400)
    return Response(_TRACES, media_type="application/x-protobuf")


@router.post("/v1/logs")
async def logs(request: Request) -> Response:
    """Keep log lines."""
    try:
        for line in read_lines(await _body(request)):
            watch_of(request).logs.add(line)
    except PermissionError:
        return _refused()
    except Unreadable as error:
        return JSONResponse({"message": str(error)}, 400)
    return Response(_LOGS, media_type="application/x-protobuf")


def _refused() -> Response:
    return JSONResponse({"message": "the header Authorization has no valid token"}, 401)


async def _body(request: Request) -> bytes:
    """The unpacked body. Raises PermissionError, Unreadable."""
    if not sessions_of(request).sends(request.headers.get("authorization", "")):
        raise PermissionError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Unreadable(f"more than {MAX_BODY} bytes")
    return unpacked(bytes(body), request.headers.get("content-encoding", "").lower())
