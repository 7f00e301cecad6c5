"""What a message is about: a notification, or a mail with a token."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from contracts.notifications import NotificationKind


class TokenMail(StrEnum):
    """A mail with a token of the user. It always goes by e-mail, and no list shows it."""

    PASSWORD_RESET = "password_reset"  # noqa: S105  # a kind, no password
    EMAIL_VERIFICATION = "email_verification"


Kind = NotificationKind | TokenMail
KINDS: Final[tuple[Kind, ...]] = (*NotificationKind, *TokenMail)


KIND_OF: Final[Mapping[str, Kind]] = {kind.value: kind for kind in KINDS}
"""Each kind by its name."""
