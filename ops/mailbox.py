"""The mails that the services of a stack sent: the last 1,000, one file each, in the home."""

from __future__ import annotations

import os
from email.parser import BytesParser
from email.policy import SMTPUTF8
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage
    from pathlib import Path

MOST = 1000
"""Mails that are kept. One more removes the oldest."""
_RECIPIENTS = "X-Envelope-To"
"""The header, written first, with the recipients of the envelope."""
_SUFFIX = ".eml"


class Mail(NamedTuple):
    """A mail that was sent."""

    number: int
    recipients: str
    message: EmailMessage

    def header(self, name: str) -> str:
        """A header as text; empty if there is none, and `?` if it cannot be read."""
        try:
            return str(self.message[name] or "")
        except Exception:  # noqa: BLE001  # Python's parser does not bear every header that somebody can write
            return "?"

    def body(self, kind: Literal["plain", "html"]) -> str:
        """The text, or the HTML; empty if there is none."""
        part = self.message.get_body((kind,))
        if part is None:
            return ""
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        try:
            text = content.decode(part.get_content_charset("utf-8"), "replace")
        except LookupError:  # a charset that Python does not know
            text = content.decode(errors="replace")
        return text.replace("\r\n", "\n")


class Mailbox:
    """The folder `mail` of a home. One process writes to it."""

    def __init__(self, home: Path) -> None:
        """Does not create the folder."""
        self._folder = home / "mail"

    def numbers(self) -> list[int]:
        """The numbers of the mails that are kept, the oldest first."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        stems = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def keep(self, recipients: Sequence[str], content: bytes) -> int:
        """Store a mail, readable by its owner only, and remove the oldest beyond the limit. Returns its number."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        kept = self.numbers()
        number = kept[-1] + 1 if kept else 1
        draft = self._folder / "draft"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(f"{_RECIPIENTS}: {', '.join(recipients)}\r\n".encode() + content)
        draft.replace(self._path(number))
        for old in kept[: max(0, len(kept) + 1 - MOST)]:
            self._path(old).unlink(missing_ok=True)
        return number

    def read(self, number: int) -> Mail | None:
        """The mail with the number; None if it is not kept."""
        try:
            content = self._path(number).read_bytes()
        except FileNotFoundError:
            return None
        message = BytesParser(policy=SMTPUTF8).parsebytes(content)
        recipients = str(message[_RECIPIENTS] or "")
        del message[_RECIPIENTS]
        return Mail(number, recipients, message)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:09d}{_SUFFIX}"
