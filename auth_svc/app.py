"""Where the auth worker is put together."""

from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

from auth_svc.administration import Administration
from auth_svc.create_admin import create_admin, open_auth_database
from auth_svc.handlers import Handlers
from auth_svc.keys import derived
from auth_svc.own_account import OwnAccount
from auth_svc.passwords import Passwords
from auth_svc.repository import Audit, Sessions, SigningKeys, Throttles, Users
from auth_svc.revocation import Revocation
from auth_svc.settings import AuthSettings
from auth_svc.signer import Signer
from auth_svc.throttle import Throttle
from auth_svc.tokens import AccessTokens, RefreshTokens
from contracts.auth import GetJwks
from mesh.core import context
from mesh.core.endpoint import Rep, Req
from mesh.core.errors import Conflict, Invalid, Unauthenticated
from mesh.process.run import StartError
from mesh.security.verifier import LEEWAY, Verifier
from mesh.service.health import watched
from mesh.service.service import Handler, Service
from mesh.transport.base import Transport
from providers.mongo.database import Database, probe
from subjects import (
    AUTH_AUDIT_LIST,
    AUTH_JWKS,
    AUTH_KEYS_ROTATE,
    AUTH_LOGIN,
    AUTH_LOGOUT,
    AUTH_ME,
    AUTH_PASSWORD_CHANGE,
    AUTH_REFRESH,
    AUTH_REGISTER,
    AUTH_SESSIONS_LIST,
    AUTH_SESSIONS_REVOKE,
    AUTH_SESSIONS_REVOKE_ALL,
    AUTH_SESSIONS_REVOKED,
    AUTH_USERS_GET,
    AUTH_USERS_LIST,
    AUTH_USERS_UPDATE,
)

_CLOCKS = 60
"""Seconds more for which a revoked session is remembered than its access tokens may live."""


async def build(settings: AuthSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """Open the database, see to its indexes, the signing key and the first administrator, and wire the endpoints up.

    Raises StartError where the database, the encryption key or the administrator cannot be had.
    """
    database = await open_auth_database(settings, resources)
    passwords = resources.enter_context(Passwords(settings))
    await _ensure_admin(settings, database, passwords)
    users, audit, signing_keys = Users(database), Audit(database), SigningKeys(database)
    signer = Signer(settings, signing_keys)
    await signer.start()
    sessions = Sessions(
        database,
        idle=timedelta(seconds=settings.auth_refresh_token_lifetime),
        longest=timedelta(seconds=settings.auth_session_lifetime),
        remembered=timedelta(seconds=settings.auth_access_token_lifetime + LEEWAY + _CLOCKS),
    )
    revocation = Revocation(sessions, transport)
    throttle = Throttle(settings, Throttles(database))
    handlers = Handlers(
        users=users,
        sessions=sessions,
        signing_keys=signing_keys,
        audit=audit,
        passwords=passwords,
        throttle=throttle,
        revocation=revocation,
        signer=signer,
        access_tokens=AccessTokens(settings),
        refresh_tokens=RefreshTokens(derived(settings.auth_key_encryption_key.get_secret_value(), "refresh tokens")),
    )
    own_account = OwnAccount(
        users=users, sessions=sessions, audit=audit, passwords=passwords, throttle=throttle, revocation=revocation
    )
    administration = Administration(users=users, audit=audit, revocation=revocation, signer=signer)

    service = Service(
        "auth",
        transport,
        version="1.0.0",
        description="Users, their sessions and their tokens",
        verify=Verifier(settings, partial(handlers.jwks, GetJwks())).verify,
        concurrency=settings.mesh_concurrency,
        queue_size=settings.mesh_queue_size,
    )

    def alive(handler: Handler[Req, Rep]) -> Handler[Req, Rep]:
        return _alive(sessions, handler)

    service.add(AUTH_REGISTER, handlers.register)
    service.add(AUTH_LOGIN, handlers.login)
    service.add(AUTH_REFRESH, handlers.refresh)
    service.add(AUTH_LOGOUT, handlers.logout)
    service.add(AUTH_ME, alive(handlers.me))
    service.add(AUTH_JWKS, handlers.jwks)
    service.add(AUTH_PASSWORD_CHANGE, alive(own_account.change_password))
    service.add(AUTH_SESSIONS_LIST, alive(own_account.list_sessions))
    service.add(AUTH_SESSIONS_REVOKE, alive(own_account.revoke_session))
    service.add(AUTH_SESSIONS_REVOKE_ALL, own_account.revoke_sessions)
    service.add(AUTH_SESSIONS_REVOKED, revocation.list)
    service.add(AUTH_USERS_LIST, alive(administration.list_users))
    service.add(AUTH_USERS_GET, alive(administration.get_user))
    service.add(AUTH_USERS_UPDATE, alive(administration.update_user))
    service.add(AUTH_AUDIT_LIST, alive(administration.list_audit))
    service.add(AUTH_KEYS_ROTATE, alive(administration.rotate_keys))
    await resources.enter_async_context(watched(service, partial(probe, database), "the database does not answer"))
    return service


def _alive(sessions: Sessions, handler: Handler[Req, Rep]) -> Handler[Req, Rep]:
    """Have the handler work for living sessions only: here they are known at once, whatever way a token came.

    To end a session needs none, so that saying so twice is no error.
    """

    async def handle(request: Req) -> Rep:
        if await sessions.is_revoked(context.caller().session_id):
            raise Unauthenticated("session_revoked", "the session has ended")
        return await handler(request)

    return handle


async def _ensure_admin(settings: AuthSettings, database: Database, passwords: Passwords) -> None:
    users = Users(database)
    if settings.auth_admin_email is None or await users.has_admin():
        return
    try:
        await create_admin(settings, database, passwords)
    except Invalid as error:
        raise StartError(f"AUTH_ADMIN_EMAIL, AUTH_ADMIN_PASSWORD: {error.detail}") from error
    except Conflict as error:
        if not await users.has_admin():  # or else another replica was faster
            raise StartError("AUTH_ADMIN_EMAIL belongs to a user without the role ADMIN: name another one") from error
