"""Keeps the logins of `mesh token` in a private file of the home."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from cli.failure import fail
from cli.gateway import VISIBLE
from contracts.auth import Tokens
from devstack.errors import DevstackError
from devstack.home.state import require_ours
from ops.private_files import locked, write_private

_END = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
_MOST = 50
"""Sessions that are kept. The oldest login goes first."""


class Session(BaseModel):
    """A login at a gateway."""

    gateway: str
    email: str
    admin: bool
    """Whether --admin made it: only --admin uses it again."""
    access_token: str = Field(repr=False, pattern=VISIBLE)
    expires_at: float = Field(ge=0, le=_END)
    """Seconds since 1970."""
    refresh_token: str = Field(repr=False)

    @property
    def seconds_left(self) -> int:
        """How long the access token stays valid. Negative after its end."""
        return int(self.expires_at - time.time())

    @classmethod
    def begun(cls, gateway: str, email: str, tokens: Tokens, *, admin: bool) -> "Session":
        """A session with these tokens, which have just arrived."""
        return cls(
            gateway=gateway,
            email=email,
            admin=admin,
            access_token=tokens.access_token,
            expires_at=time.time() + tokens.expires_in,
            refresh_token=tokens.refresh_token,
        )

    def renewed(self, tokens: Tokens) -> "Session":
        """The same session with these tokens, which have just arrived."""
        return self.begun(self.gateway, self.email, tokens, admin=self.admin)


_FILE = TypeAdapter(tuple[Session, ...])


class Sessions:
    """The kept sessions, while no other process changes them: see `kept_sessions`."""

    def __init__(self, path: Path) -> None:
        """Read the file. Ends the program if it is damaged, or if others can write to it."""
        self._path = path
        self._kept = _read(path)

    def find(self, gateway: str, email: str | None, *, admin: bool) -> Session | None:
        """The session of this address, else the latest one at this gateway; of --admin, or without it."""
        for session in reversed(self._kept):
            if (session.gateway, session.admin) == (gateway, admin) and email in (None, session.email):
                return session
        return None

    def keep(self, session: Session) -> None:
        """Keep it as the latest, in place of that of the same account."""
        self._write((*self._without(session), session))

    def drop(self, session: Session) -> None:
        """Forget the session of this account."""
        self._write(self._without(session))

    def _without(self, session: Session) -> tuple[Session, ...]:
        return tuple(one for one in self._kept if _account(one) != _account(session))

    def _write(self, sessions: tuple[Session, ...]) -> None:
        self._kept = sessions[-_MOST:]
        write_private(self._path, _FILE.dump_json(self._kept, indent=2).decode())


@contextmanager
def kept_sessions(home: Path) -> Iterator[Sessions]:
    """The sessions in `home`, locked: two refreshes with one refresh token would end the session."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(home):
        yield Sessions(home / "sessions.json")


def _account(session: Session) -> tuple[str, str, bool]:
    return session.gateway, session.email, session.admin


def _read(path: Path) -> tuple[Session, ...]:
    try:
        for one in (path.parent, path):  # the folder first: if it is ours, nobody else can replace the file
            require_ours(one)
        return _FILE.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except DevstackError as error:
        fail(str(error))
    except ValidationError:
        fail(f"{path} is damaged: remove it, and log in again")
