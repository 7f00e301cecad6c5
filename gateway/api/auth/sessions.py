"""`/v1/auth`: accounts and sessions. Also the public keys that verify an access token."""

from fastapi import APIRouter, Response

from contracts.auth import GetJwks, GetMe, LoggedOut, Login, Logout, Refresh, Register
from gateway.access.rate_limit import after_success
from gateway.api.auth.session_schemas import Credentials, Jwks, NewSession, Session, Tokens, User
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import AUTH_JWKS, AUTH_LOGIN, AUTH_LOGOUT, AUTH_ME, AUTH_REFRESH, AUTH_REGISTER

router = APIRouter(tags=["auth"], route_class=JsonRoute)

_ME = "/v1/auth/me"


@router.post("/v1/auth/register", status_code=201, summary="Register")
async def register(
    body: Credentials, response: Response, call: Call[Register, User] = calls(AUTH_REGISTER, User)
) -> User:
    """Create an account with the role USER."""
    user = await call(Register(email=body.email, password=body.password))
    response.headers["Location"] = _ME
    return user


@router.post("/v1/auth/login", summary="Log in")
async def login(
    body: Credentials, response: Response, call: Call[Login, NewSession] = calls(AUTH_LOGIN, NewSession)
) -> Tokens:
    """Start a session. Returns an access token to send as `Authorization: Bearer …`, and a refresh token."""
    tokens = await call(Login(email=body.email, password=body.password))
    response.headers.update({"Cache-Control": "no-store", **after_success(tokens.attempts)})
    return tokens


@router.post("/v1/auth/refresh", summary="Refresh the tokens")
async def refresh(
    body: Session, response: Response, call: Call[Refresh, Tokens] = calls(AUTH_REFRESH, Tokens)
) -> Tokens:
    """Exchange a refresh token for new tokens. Each refresh token works once."""
    tokens = await call(Refresh(refresh_token=body.refresh_token))
    response.headers["Cache-Control"] = "no-store"
    return tokens


@router.post("/v1/auth/logout", status_code=204, summary="Log out")
async def logout(body: Session | None = None, call: Call[Logout, LoggedOut] = calls(AUTH_LOGOUT)) -> None:
    """End a session: the refresh token's, or without a body that of the access token."""
    await call(Logout(refresh_token=body.refresh_token) if body else Logout())


@router.get(_ME, summary="Who am I")
async def get_me(call: Call[GetMe, User] = calls(AUTH_ME, User)) -> User:
    """Get the current user."""
    return await call(GetMe())


@router.get("/.well-known/jwks.json", summary="Get the public keys")
async def get_jwks(response: Response, call: Call[GetJwks, Jwks] = calls(AUTH_JWKS, Jwks)) -> Jwks:
    """Get the keys that verify access tokens (RFC 7517)."""
    keys = await call(GetJwks())
    response.headers["Cache-Control"] = "public, max-age=300"
    return keys
