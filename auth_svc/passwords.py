"""Checks the strength of passwords, and runs argon2id on its own threads: it would block the event loop."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth_svc.emails import spellings
from auth_svc.settings import AuthSettings
from contracts.auth import AuthReason
from mesh.core.errors import Invalid, RateLimited

_LONGEST = 128
_MOST_WAITING = 20
_LIST: Final = Path(__file__).parent / "common_passwords.txt"

T = TypeVar("T")


class Passwords:
    """Hashes and verifies passwords, a bounded number at once.

    A context manager that ends its threads. Up to twenty calls wait; further ones raise RateLimited at once.
    """

    def __init__(self, settings: AuthSettings, hasher: PasswordHasher | None = None) -> None:
        """`hasher`: one with the parameters of the settings if it is None."""
        self._shortest = settings.auth_password_min_length
        self._hasher = hasher or PasswordHasher(
            memory_cost=settings.auth_argon2_memory_kib,
            time_cost=settings.auth_argon2_time_cost,
            parallelism=settings.auth_argon2_parallelism,
        )
        self._nobodys = self._hasher.hash(secrets.token_hex())
        self.common = frozenset(line for line in _LIST.read_text().splitlines() if not line.startswith("#"))
        """Passwords that many have, in lower case."""
        self._threads = ThreadPoolExecutor(settings.auth_hashes_at_once, thread_name_prefix="argon2")
        self._most = self._places = settings.auth_hashes_at_once + _MOST_WAITING

    @property
    def room(self) -> int:
        """How many more passwords it takes before it refuses."""
        return self._places

    @property
    def pending(self) -> int:
        """The passwords that are hashed now, or wait for it."""
        return self._most - self._places

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def require_strength(self, password: str, email: str, field: str = "password") -> None:
        """Raise Invalid for a password that is too short, too long, or easy to guess.

        NIST SP 800-63B-4, section 3.1.1.2, advises against rules on kinds of characters. It requires a length in code
        points and a list of common or expected passwords. `email` is the account's, normalised.
        """
        normalised = _normalised(password)
        guessed = normalised.casefold()
        why = None
        if not self._shortest <= len(normalised) <= _LONGEST:
            why = f"must have {self._shortest} to {_LONGEST} characters"
        elif guessed in self.common:
            why = "is among the most common ones"
        elif guessed in spellings(email):
            why = "must not be the e-mail address"
        if why:
            raise Invalid.field(field, AuthReason.WEAK_PASSWORD, why)

    async def hash(self, password: str) -> str:
        """The hash to store, including salt and parameters (PHC string format). Raises RateLimited."""
        return await self._on_a_thread(lambda: self._hasher.hash(_normalised(password)))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password matches the stored hash.

        None, for an unknown user, takes as long as a wrong password: the time must not reveal who is registered
        (OWASP Authentication Cheat Sheet). Raises RateLimited.
        """
        matched = await self._on_a_thread(lambda: self._verify(stored or self._nobodys, password))
        return matched and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with parameters that are no longer current."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _normalised(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _on_a_thread(self, work: Callable[[], T]) -> T:
        if self._places == 0:
            raise RateLimited(AuthReason.TOO_MANY_LOGINS, "too many passwords are being hashed at the moment")
        self._places -= 1
        done = asyncio.get_running_loop().run_in_executor(self._threads, work)
        done.add_done_callback(self._leave)
        return await done

    def _leave(self, _: object) -> None:
        self._places += 1


def _normalised(password: str) -> str:
    """The password in NFKC, so that every keyboard composes it equally (NIST SP 800-63B-4, section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
