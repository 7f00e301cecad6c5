"""Which roles an endpoint wants."""

import pytest

from mesh.core.context import Caller
from mesh.core.endpoint import Access
from mesh.core.errors import Forbidden
from mesh.security.verifier import require_access


def test_roles_and_access() -> None:
    nobody, user, admin = (Caller("x", "s", frozenset(roles)) for roles in ((), ("USER",), ("ADMIN",)))
    for access, allowed in (
        (Access.ANYONE, [nobody, user, admin]),
        (Access.USER, [user, admin]),
        (Access.ADMIN, [admin]),
    ):
        for caller in (nobody, user, admin):
            if caller in allowed:
                require_access(access, caller)
            else:
                with pytest.raises(Forbidden):
                    require_access(access, caller)
