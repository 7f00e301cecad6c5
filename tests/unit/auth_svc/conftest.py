import base64
from collections.abc import Iterator

import pytest

from auth_svc.passwords import Passwords
from auth_svc.settings import AuthSettings


@pytest.fixture
def settings() -> AuthSettings:
    """Settings with an argon2id that takes no time."""
    return AuthSettings(
        auth_mongodb_url="mongodb://auth:s3cret@db.test/auth",
        auth_key_encryption_key=base64.b64encode(bytes(range(32))).decode(),
        auth_argon2_memory_kib=128,
        auth_argon2_time_cost=1,
    )


@pytest.fixture
def passwords(settings: AuthSettings) -> Iterator[Passwords]:
    with Passwords(settings) as opened:
        yield opened
