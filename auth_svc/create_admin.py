"""`python -m auth_svc.create_admin` creates an administrator from AUTH_ADMIN_EMAIL and AUTH_ADMIN_PASSWORD."""

import asyncio
import sys
from contextlib import AsyncExitStack

from auth_svc.emails import normalise
from auth_svc.outbox import settle_new
from auth_svc.passwords import Passwords
from auth_svc.repository import Audit, Users
from auth_svc.settings import AuthSettings
from auth_svc.store import open_store
from mesh.core.errors import Conflict, Invalid, MeshError
from mesh.process.run import StartError, read_settings
from mesh.security.verifier import ADMIN
from providers.mongo.database import Database


async def create_admin(settings: AuthSettings, database: Database, passwords: Passwords) -> None:
    """Create the settings' user with the role ADMIN. Raises StartError, Invalid, Conflict."""
    email, password = settings.auth_admin_email, settings.auth_admin_password
    if email is None or password is None:
        raise StartError("set AUTH_ADMIN_EMAIL and AUTH_ADMIN_PASSWORD")
    address = normalise(email)
    passwords.require_strength(password.get_secret_value(), address)
    users = Users(database)
    user = await users.create(address, await passwords.hash(password.get_secret_value()), ADMIN)
    await settle_new(user.user_id, users, Audit(database))


async def ensure_admin(settings: AuthSettings, database: Database, passwords: Passwords) -> None:
    """Create the first administrator, if the settings name one and none exists. Raises StartError."""
    users = Users(database)
    if settings.auth_admin_email is None or await users.has_admin():
        return
    try:
        await create_admin(settings, database, passwords)
    except Invalid as error:
        raise StartError(f"AUTH_ADMIN_EMAIL, AUTH_ADMIN_PASSWORD: {error.detail}") from error
    except Conflict as error:
        if not await users.has_admin():  # otherwise another replica was faster
            raise StartError(
                "AUTH_ADMIN_EMAIL belongs to a user without the role ADMIN: set another address"
            ) from error


async def main() -> None:
    """Create the administrator that the environment names. Raises StartError, MeshError."""
    settings = read_settings(AuthSettings)
    async with AsyncExitStack() as resources:
        database = await open_store(settings, resources)
        passwords = resources.enter_context(Passwords(settings))
        try:
            await create_admin(settings, database, passwords)
        except Conflict as error:
            raise StartError(f"{error.detail}: `mesh users set-roles` gives them the role") from error


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (StartError, MeshError) as error:
        sys.exit(str(error))
