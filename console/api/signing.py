"""Signing in and out."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from console.access import COOKIE
from console.api.application import sessions_of
from console.paths import STATIC
from mesh.core.errors import CallError, Fault

router = APIRouter()


@router.get("/")
async def page(request: Request) -> Response:
    """The page. With `token`, sign in first."""
    token = request.query_params.get("token")
    if token is None:
        return FileResponse(STATIC / "index.html")
    sessions = sessions_of(request)
    if sessions.valid(request):
        return RedirectResponse("/", 303)
    session = sessions.by_token(token)
    if session is None:
        return RedirectResponse("/sign-in.html?refused", 303)
    return _signed_in(RedirectResponse("/", 303), request, session)


@router.post("/api/sign-in")
async def sign_in(request: Request) -> Response:
    """Sign in with an administrator's access token, in the header Authorization."""
    try:
        session = await sessions_of(request).by_access_token(request.headers.get("authorization", ""))
    except Fault as fault:
        return JSONResponse({"detail": str(fault)}, 403)
    except CallError:
        return JSONResponse({"detail": "the auth service does not answer"}, 503)
    return _signed_in(Response(status_code=204), request, session)


@router.post("/api/sign-out")
async def sign_out(request: Request) -> Response:
    """End this browser's session."""
    sessions_of(request).end(request)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE)
    return answer


@router.post("/api/one-time-token")
async def one_time_token(request: Request) -> Response:
    """A token for the URL that signs in one browser, once. Only the key gets it: no session extends itself."""
    sessions = sessions_of(request)
    if not sessions.has_key(request):
        return JSONResponse({"detail": "the header Authorization has no valid key"}, 403)
    return JSONResponse({"token": sessions.fresh_token()})


@router.get("/healthz")
async def healthz() -> Response:
    """Whether the process runs."""
    return JSONResponse({"status": "ok"})


def _signed_in(answer: Response, request: Request, session: str) -> Response:
    answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return answer
