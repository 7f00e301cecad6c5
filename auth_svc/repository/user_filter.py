"""Which users a list shows."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from contracts.auth import Role, UserState
from providers.mongo.database import Document

_STATES: Final[Mapping[UserState, Document]] = {
    UserState.ENABLED: {"disabled": {"$ne": True}},
    UserState.DISABLED: {"disabled": True},
    UserState.UNVERIFIED: {"unverified": True},
}


class UserFilter(NamedTuple):
    """What users must match; None matches everything."""

    email: str | None = None
    """A normalised address."""
    part: str | None = None
    """A part of one, in lower case."""
    role: Role | None = None
    state: UserState | None = None


def matching(which: UserFilter) -> Document:
    """The query. A part may be anywhere in the address, so that MongoDB reads the index of addresses to the end."""
    return {
        "$and": [
            {} if which.email is None else {"email": which.email},
            {} if which.part is None else {"email": {"$regex": re.escape(which.part)}},
            {} if which.role is None else {"roles": which.role},
            {} if which.state is None else _STATES[which.state],
        ]
    }
