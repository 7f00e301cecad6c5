"""Builds the auth worker from its settings, its database and its handlers."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

from auth_svc.administration import Administration
from auth_svc.create_admin import ensure_admin
from auth_svc.handlers import Handlers
from auth_svc.keys import derived
from auth_svc.living_sessions import LivingSessions
from auth_svc.mail.handlers import MailHandlers
from auth_svc.mail.issuer import TokenIssuer
from auth_svc.mail.mailing import Mailing
from auth_svc.own_account import OwnAccount
from auth_svc.passwords import Passwords
from auth_svc.repository import (
    Audit,
    MailedTokens,
    MailRequests,
    Sessions,
    SigningKeys,
    Throttles,
    Users,
    announce_existing,
)
from auth_svc.revocation import Revocation
from auth_svc.settings import AuthSettings
from auth_svc.signer import Signer
from auth_svc.store import open_store
from auth_svc.throttle import Throttle
from auth_svc.tokens import AccessTokens, RefreshTokens
from contracts.auth import GetJwks
from mesh.security.verifier import LEEWAY
from mesh.service.service import Service
from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Sample
from mesh.transport.base import Transport
from providers.mongo.database import Database, probe
from worker.events import Events
from worker.mongo import connections, outbox_in
from worker.wiring import wire

_CLOCKS = 60
"""Extra seconds to remember a revoked session beyond the lifetime of its access tokens, for clocks that differ."""


async def build(settings: AuthSettings, transport: Transport, resources: AsyncExitStack) -> Service:
    """The service, ready to start: the database has indexes, a signing key and the first administrator.

    Raises StartError if the database is unavailable, the encryption key is wrong, or the administrator is invalid.
    """
    database = await open_store(settings, resources)
    passwords = resources.enter_context(Passwords(settings))
    await ensure_admin(settings, database, passwords)
    outbox = await outbox_in(database, "users")
    users, audit, signing_keys = Users(database, outbox.wrote), Audit(database), SigningKeys(database)
    await announce_existing(database)
    signer = Signer(settings, signing_keys)
    await signer.start()
    sessions = _sessions(settings, database)
    revocation, throttle = Revocation(sessions, transport), Throttle(settings, Throttles(database))
    secret = settings.auth_key_encryption_key.get_secret_value()
    issuer, tokens = TokenIssuer(derived(secret, "mailed tokens")), MailedTokens(database, outbox.wrote)
    mailing = Mailing(MailRequests(database), tokens, issuer)
    await resources.enter_async_context(mailing.running())
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
        refresh_tokens=RefreshTokens(derived(secret, "refresh tokens")),
        verification=issuer if settings.auth_email_verification else None,
    )
    own_account = OwnAccount(
        users=users, sessions=sessions, audit=audit, passwords=passwords, throttle=throttle, revocation=revocation
    )
    mail_handlers = MailHandlers(
        mailing=mailing,
        tokens=tokens,
        issuer=issuer,
        users=users,
        audit=audit,
        passwords=passwords,
        throttle=throttle,
        revocation=revocation,
    )
    administration = Administration(users=users, audit=audit, revocation=revocation, signer=signer)
    return await wire(
        "auth",
        settings,
        transport,
        resources,
        description="Users, their sessions and their tokens",
        handlers=[handlers, own_account, mail_handlers, administration, revocation],
        probe=partial(_probe, database, signer),
        fetch_keys=partial(handlers.jwks, GetJwks()),
        guard=LivingSessions(sessions).guard,
        events=Events(outbox=outbox),
        sources=[partial(connections, database, "auth"), partial(_hashing, passwords)],
    )


def _sessions(settings: AuthSettings, database: Database) -> Sessions:
    return Sessions(
        database,
        idle=timedelta(seconds=settings.auth_refresh_token_lifetime),
        longest=timedelta(seconds=settings.auth_session_lifetime),
        remembered=timedelta(seconds=settings.auth_access_token_lifetime + LEEWAY + _CLOCKS),
    )


async def _probe(database: Database, signer: Signer) -> None:
    """Raise if the database is unavailable, or if tokens cannot be signed."""
    await probe(database)
    await signer.key()


def _hashing(passwords: Passwords) -> Iterable[Sample]:
    yield Sample(catalogue.HASHING, passwords.pending)
    yield Sample(catalogue.HASHING_ROOM, passwords.room)
