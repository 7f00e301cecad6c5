"""Somebody who has an account, and is logged in."""

from dataclasses import dataclass, replace

import jwt

from contracts.auth import Login, Refresh, Register, Tokens, UpdateUser, User, UserPatch
from providers.mongo.database import Database
from subjects import AUTH_LOGIN, AUTH_REFRESH, AUTH_REGISTER
from tests.integration.auth_svc.small_mesh import Mesh

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """A user and one session's tokens."""

    user: User
    tokens: Tokens

    @property
    def access(self) -> str:
        return self.tokens.access_token

    @property
    def session_id(self) -> str:
        session_id: str = jwt.decode(self.access, options={"verify_signature": False})["sid"]
        return session_id

    async def again(self, mesh: Mesh) -> "Person":
        """The same user in another session."""
        return replace(self, tokens=await log_in(mesh, self.user.email))

    async def refreshed(self, mesh: Mesh) -> "Person":
        """The same session with its next tokens."""
        return replace(self, tokens=await mesh.call(AUTH_REFRESH, Refresh(refresh_token=self.tokens.refresh_token)))


async def log_in(mesh: Mesh, email: str, password: str = PASSWORD, address: str | None = None) -> Tokens:
    """The tokens of a new session."""
    return await mesh.call(AUTH_LOGIN, Login(email=email, password=password), address=address)


async def person(mesh: Mesh, name: str) -> Person:
    """Somebody new."""
    user = await mesh.call(AUTH_REGISTER, Register(email=f"{name}@mesh.test", password=PASSWORD))
    return Person(user, await log_in(mesh, user.email))


async def admin(mesh: Mesh, database: Database, name: str = "admin") -> Person:
    """An administrator, made past the endpoints."""
    made = await person(mesh, name)
    await database["users"].update_one({"_id": made.user.user_id}, {"$set": {"roles": ["ADMIN"]}})
    return await made.again(mesh)


def patch(user: Person, **changes: object) -> UpdateUser:
    """A request that changes the user's account."""
    return UpdateUser(user_id=user.user.user_id, patch=UserPatch.model_validate(changes, strict=False))
