"""What a home keeps of the mails that were sent."""

import stat
from pathlib import Path

import pytest

from ops.mailbox import MOST, Mailbox

MAIL = b"From: a@mesh.test\r\nTo: b@mesh.test\r\nSubject: Hello\r\n\r\nText\r\n"


def test_a_mail_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    number = Mailbox(tmp_path).keep(["b@mesh.test", "c@mesh.test"], MAIL)
    mail = Mailbox(tmp_path).read(number)

    assert mail is not None
    assert (1, "b@mesh.test, c@mesh.test", "Hello") == (mail.number, mail.recipients, mail.message["Subject"])
    assert mail.message["X-Envelope-To"] is None
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "mail", *(tmp_path / "mail").iterdir())]
    assert [0o700, 0o600] == modes


def test_the_last_thousand_are_kept(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    for _ in range(MOST + 3):
        mailbox.keep(["b@mesh.test"], MAIL)

    assert [*range(4, MOST + 4)] == mailbox.numbers()


def test_a_new_home_has_no_mails(tmp_path: Path) -> None:
    assert [] == Mailbox(tmp_path).numbers()
    assert Mailbox(tmp_path).read(1) is None


def test_other_files_are_no_mails(tmp_path: Path) -> None:
    Mailbox(tmp_path).keep(["b@mesh.test"], MAIL)
    for name in ("draft", "x.eml", "1.txt"):
        (tmp_path / "mail" / name).write_text("")

    assert [1] == Mailbox(tmp_path).numbers()


@pytest.mark.parametrize("content", [b"", b"\xff\x00\r\n", b"Subject: =?utf-8?b?" + b"x" * 2000, b"no header"])
def test_any_bytes_can_be_kept_and_read(tmp_path: Path, content: bytes) -> None:
    number = Mailbox(tmp_path).keep(["b@mesh.test"], content)

    assert Mailbox(tmp_path).read(number) is not None
