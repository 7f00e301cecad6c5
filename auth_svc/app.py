"""Where the auth worker is put together."""

from contextlib import AsyncExitStack
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.emails import normalise
from auth_svc.handlers import Handlers
from auth_svc.keys import KeyCipher, SigningKey
from auth_svc.passwords import Passwords
from auth_svc.repository import Sessions, SigningKeys, Users, ensure_indexes
from auth_svc.settings import AuthSettings
from auth_svc.tokens import AccessTokens
from contracts.auth import GetJwks
from mesh.bus import Transport
from mesh.errors import Conflict, Invalid
from mesh.process import StartError
from mesh.service import Service
from mesh.tokens import ADMIN, Verifier
from mesh.watch import watched
from providers.errors import ProviderError
from providers.mongo import Database, open_database, probe
from subjects import AUTH_JWKS, AUTH_LOGIN, AUTH_LOGOUT, AUTH_ME, AUTH_REFRESH, AUTH_REGISTER


async def build(settings: AuthSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """Open the database, see to its indexes, the signing key and the first administrator, and wire the endpoints up.

    Raises StartError where the database, the encryption key or the administrator cannot be had.
    """
    database = await _open(settings, resources)
    await ensure_indexes(database)
    users, signing_keys = Users(database), SigningKeys(database)
    passwords = resources.enter_context(Passwords(settings))
    signing_key = await _signing_key(settings, signing_keys)
    await _ensure_admin(settings, users, passwords)
    handlers = Handlers(
        settings,
        users=users,
        sessions=Sessions(database),
        signing_keys=signing_keys,
        passwords=passwords,
        access_tokens=AccessTokens(settings, signing_key),
    )

    service = Service(
        "auth",
        transport,
        version="1.0.0",
        description="Users, their sessions and their tokens",
        verify=Verifier(settings, partial(handlers.jwks, GetJwks())).verify,
        concurrency=settings.mesh_concurrency,
        queue_size=settings.mesh_queue_size,
    )
    service.add(AUTH_REGISTER, handlers.register)
    service.add(AUTH_LOGIN, handlers.login)
    service.add(AUTH_REFRESH, handlers.refresh)
    service.add(AUTH_LOGOUT, handlers.logout)
    service.add(AUTH_ME, handlers.me)
    service.add(AUTH_JWKS, handlers.jwks)
    await resources.enter_async_context(watched(service, partial(probe, database), "the database does not answer"))
    return service


async def _open(settings: AuthSettings, resources: AsyncExitStack) -> Database:
    try:
        return await resources.enter_async_context(open_database(settings.auth_mongodb_url, default_name="auth"))
    except ProviderError as error:
        raise StartError(str(error)) from error


async def _signing_key(settings: AuthSettings, signing_keys: SigningKeys) -> SigningKey:
    """The key that every replica signs with; the first one that starts makes it."""
    cipher = KeyCipher(settings.auth_key_encryption_key.get_secret_value())
    candidate = cipher.seal(SigningKey.of(Ed25519PrivateKey.generate()))
    return cipher.open(await signing_keys.ensure_active(candidate))


async def _ensure_admin(settings: AuthSettings, users: Users, passwords: Passwords) -> None:
    email, password = settings.auth_admin_email, settings.auth_admin_password
    if email is None or password is None or await users.has_admin():
        return
    try:
        passwords.demand_strength(password.get_secret_value())
        await users.create(normalise(email), await passwords.hash(password.get_secret_value()), ADMIN)
    except Invalid as error:
        raise StartError(f"AUTH_ADMIN_EMAIL, AUTH_ADMIN_PASSWORD: {error.detail}") from error
    except Conflict as error:
        if not await users.has_admin():  # or else another replica was faster
            raise StartError("AUTH_ADMIN_EMAIL belongs to a user without the role ADMIN: name another one") from error
