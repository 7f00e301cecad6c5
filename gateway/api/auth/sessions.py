"""`/v1/auth`: accounts and sessions; and the keys by which anyone can verify an access token."""

from fastapi import APIRouter, Request, Response

from contracts.auth import GetJwks, GetMe, Login, Logout, Refresh, Register
from gateway.access.rate_limit import after_success
from gateway.api.auth.session_schemas import Credentials, Jwks, Session, Tokens, User
from gateway.dependencies import Mesh, parts
from gateway.routing.operations import JSON_BODY, calls
from gateway.routing.route import JsonRoute
from subjects import AUTH_JWKS, AUTH_LOGIN, AUTH_LOGOUT, AUTH_ME, AUTH_REFRESH, AUTH_REGISTER

router = APIRouter(tags=["auth"], route_class=JsonRoute)

_ME = "/v1/auth/me"


@router.post("/v1/auth/register", status_code=201, **calls(AUTH_REGISTER, 409, 429, *JSON_BODY), summary="Register")
async def register(body: Credentials, mesh: Mesh, response: Response) -> User:
    """Create an account with the role USER."""
    user = await mesh.call(AUTH_REGISTER.read_as(User), Register(email=body.email, password=body.password))
    response.headers["Location"] = _ME
    return user


@router.post("/v1/auth/login", **calls(AUTH_LOGIN, 401, 429, *JSON_BODY), summary="Log in")
async def login(body: Credentials, mesh: Mesh, request: Request, response: Response) -> Tokens:
    """Begin a session: an access token to send as `Authorization: Bearer …`, and a refresh token."""
    tokens = await mesh.call(AUTH_LOGIN.read_as(Tokens), Login(email=body.email, password=body.password))
    response.headers.update({"Cache-Control": "no-store", **after_success(parts(request).login_attempts)})
    return tokens


@router.post("/v1/auth/refresh", **calls(AUTH_REFRESH, 401, *JSON_BODY), summary="Refresh the tokens")
async def refresh(body: Session, mesh: Mesh, response: Response) -> Tokens:
    """Trade a refresh token for new tokens; it is used up by that."""
    tokens = await mesh.call(AUTH_REFRESH.read_as(Tokens), Refresh(refresh_token=body.refresh_token))
    response.headers["Cache-Control"] = "no-store"
    return tokens


@router.post("/v1/auth/logout", status_code=204, **calls(AUTH_LOGOUT, 401, *JSON_BODY), summary="Log out")
async def logout(mesh: Mesh, body: Session | None = None) -> None:
    """End a session: that of the refresh token, or without a body that of the access token which comes along."""
    await mesh.call(AUTH_LOGOUT, Logout(refresh_token=body.refresh_token) if body else Logout())


@router.get(_ME, **calls(AUTH_ME, 404), summary="Who am I")
async def get_me(mesh: Mesh) -> User:
    """Get the user whom the access token speaks for."""
    return await mesh.call(AUTH_ME.read_as(User), GetMe())


@router.get("/.well-known/jwks.json", **calls(AUTH_JWKS), summary="Get the public keys")
async def get_jwks(mesh: Mesh, response: Response) -> Jwks:
    """Get the keys that access tokens are verified by (RFC 7517)."""
    keys = await mesh.call(AUTH_JWKS.read_as(Jwks), GetJwks())
    response.headers["Cache-Control"] = "public, max-age=300"
    return keys
