"""`/v1/users`: administrators manage the accounts of others."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from contracts import auth
from gateway.api.auth.session_schemas import User
from gateway.api.auth.user_schemas import UserChange, UserPage, UserQuery
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import AUTH_USERS_GET, AUTH_USERS_LIST, AUTH_USERS_UPDATE

router = APIRouter(prefix="/v1/users", tags=["users"], route_class=JsonRoute)

UserId = Annotated[auth.UserId, Path(examples=["68f0c2a91b7e4d5f8a3c6e0168f0c2a9"])]


@router.get("", summary="List users")
async def list_users(
    query: Annotated[UserQuery, Query()], call: Call[auth.ListUsers, UserPage] = calls(AUTH_USERS_LIST, UserPage)
) -> UserPage:
    """List users by e-mail address, page by page."""
    return await call(query.to_contract())


@router.get("/{user_id}", summary="Get a user")
async def get_user(user_id: UserId, call: Call[auth.GetUser, User] = calls(AUTH_USERS_GET, User)) -> User:
    """Get one user by id."""
    return await call(auth.GetUser(user_id=user_id))


@router.patch("/{user_id}", summary="Change what a user may do")
async def update_user(
    user_id: UserId, body: UserChange, call: Call[auth.UpdateUser, User] = calls(AUTH_USERS_UPDATE, User)
) -> User:
    """Change a user's roles, or disable or enable the account. The user's sessions end. Your own account is refused."""
    change = auth.UpdateUser(user_id=user_id, patch=body.to_contract())
    return await call(change)
