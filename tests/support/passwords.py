"""A hasher that a test holds up."""

import threading
from typing import Literal

from argon2 import PasswordHasher


class HeldHasher(PasswordHasher):
    """Finds every password right, once its gate is open."""

    def __init__(self) -> None:
        super().__init__(memory_cost=128, time_cost=1)
        self.gate = threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  # the library's name
        self.gate.wait()
        return True
