"""What the settings of the notifications worker accept."""

import pytest
from pydantic import SecretBytes, SecretStr, ValidationError

from notifications_svc.settings import NotificationsSettings, SmtpServer, smtp_server

MONGO = "mongodb://127.0.0.1/notifications"


def settings(url: str, sender: str = "shop@northwind.example") -> NotificationsSettings:
    return NotificationsSettings(
        notifications_mongodb_url=SecretStr(MONGO),
        notifications_webhook_encryption_key=(SecretBytes(bytes(32)),),
        notifications_smtp_url=SecretStr(url),
        notifications_from=sender,
    )


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587, tls=False, username=None, password=None)),
        ("smtps://mail.example", SmtpServer("mail.example", 465, tls=True, username=None, password=None)),
        (
            "smtp://u%40x:pass%2Fword@mail.example:25/",
            SmtpServer("mail.example", 25, tls=False, username="u@x", password="pass/word"),
        ),
        ("smtp://[::1]:25", SmtpServer("::1", 25, tls=False, username=None, password=None)),
    ],
)
def test_a_url_names_the_server(url: str, server: SmtpServer) -> None:
    assert server == smtp_server(url)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://mail.example:0",
        "smtp://mail.example:99999",
        "smtp://mail.example/path",
        "smtp://s3cret@mail.example",
        "smtp://[s3cret",
    ],
)
def test_a_wrong_url_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(url)

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("sender", ["", "shop", "shop@", "a@b\r\nBcc: c@d", "Shop <a@b>", "ü@b.example"])
def test_a_sender_that_is_no_address_is_refused(sender: str) -> None:
    with pytest.raises(ValidationError):
        settings("smtp://mail.example", sender)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [("localhost", True), ("[::1]", True), ("127.0.0.2", True), ("a.example", False), ("10.0.0.1", False)],
)
def test_only_this_machine_is_local(host: str, is_local: bool) -> None:  # noqa: FBT001  # a parameter
    assert is_local == smtp_server(f"smtp://{host}").is_local
