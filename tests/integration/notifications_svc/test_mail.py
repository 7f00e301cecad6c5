"""Mail on a real SMTP server: TLS, logins, refusals, and what is in it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from contracts.notifications import NotificationKind
from notifications_svc.channel import Away, Later, Undeliverable
from notifications_svc.mail import Mailer
from notifications_svc.messages import Templates
from notifications_svc.repository import Due
from ops.certificates import Authority
from tests.integration.notifications_svc.making import MakeSettings
from tests.support.mail_server import MailServer, only

DUE = Due(
    "0193798f4c1d5f8a3c6e0168f0c2a91b",
    "u1",
    NotificationKind.ACCOUNT_CREATED,
    {"user_id": "u1", "email": "nancy@mesh.test"},
    datetime(2026, 11, 30, 18, tzinfo=UTC),
    0,
)
MakeMailer = Callable[..., Mailer]


@pytest.fixture
async def make_mailer(make_settings: MakeSettings) -> AsyncIterator[MakeMailer]:
    """Makes mailers for a URL and other settings; they are closed at the end."""
    made: list[Mailer] = []

    def make(url: str, **others: object) -> Mailer:
        made.append(Mailer(make_settings(url, **others), Templates()))
        return made[-1]

    yield make
    for mailer in made:
        await mailer.close()


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """The CA of the certificate `server`, in its folder."""
    Authority(tmp_path).issue("server", ["127.0.0.1"])
    return tmp_path / "ca.pem"


@pytest.fixture
def tls(ca: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca.parent / "server.pem", ca.parent / "server-key.pem")
    return context


@asynccontextmanager
async def serving(**options: object) -> AsyncIterator[MailServer]:
    async with MailServer(**options) as server:
        yield server


async def test_a_mail_has_what_a_receiver_needs(server: MailServer, make_mailer: MakeMailer) -> None:
    await make_mailer(f"smtp://{server.host}").send(DUE, "nancy@mesh.test")

    [mail] = server.mails
    assert ("nancy@mesh.test", "Northwind Traders <shop@northwind.example>") == (mail["To"], mail["From"])
    assert "Your account" == mail["Subject"]
    assert f"<{DUE.notification_id}@northwind.example>" == mail["Message-ID"]
    assert ("auto-generated", DUE.created_at) == (mail["Auto-Submitted"], mail["Date"].datetime)
    plain, html = mail.iter_parts()
    assert isinstance(plain, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert ("text/plain", "text/html") == (plain.get_content_type(), html.get_content_type())
    assert "nancy@mesh.test" in plain.get_content()
    assert "nancy@mesh.test" in html.get_content()


async def test_a_repeated_mail_has_the_same_id(server: MailServer, make_mailer: MakeMailer) -> None:
    for _ in range(2):
        await make_mailer(f"smtp://{server.host}").send(DUE, "nancy@mesh.test")

    assert 1 == len({mail["Message-ID"] for mail in server.mails})


async def test_a_connection_is_used_again(server: MailServer, make_mailer: MakeMailer) -> None:
    mailer = make_mailer(f"smtp://{server.host}")
    for _ in range(3):
        await mailer.send(DUE, "nancy@mesh.test")

    assert (3, 1) == (len(server.mails), server.connected)


async def test_a_connection_that_the_server_has_closed_is_replaced(server: MailServer, make_mailer: MakeMailer) -> None:
    mailer = make_mailer(f"smtp://{server.host}")
    await mailer.send(DUE, "nancy@mesh.test")
    await server.stop()
    await server.start()
    await mailer.send(DUE, "nancy@mesh.test")

    assert 2 == len(server.mails)


@pytest.mark.parametrize("address", ["a@b\r\nBcc: c@d.example", "a@b\nc", "", "no address", "a@b, c@d"])
async def test_an_address_cannot_add_a_header_or_a_recipient(
    server: MailServer, make_mailer: MakeMailer, address: str
) -> None:
    with pytest.raises(Undeliverable):
        await make_mailer(f"smtp://{server.host}").send(DUE, address)

    assert [] == server.mails


async def test_an_address_in_unicode_is_reached(server: MailServer, make_mailer: MakeMailer) -> None:
    await make_mailer(f"smtp://{server.host}").send(DUE, "grüße@mesh.test")

    assert ["grüße@mesh.test"] == [mail["To"] for mail in server.mails]


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ("550 no such user", Undeliverable),
        ("450 try later", Later),
        ("421 closing", Away),
    ],
)
async def test_a_refused_recipient_is_tried_again_only_if_it_may_help(
    server: MailServer, make_mailer: MakeMailer, refusal: str, kind: type[Exception]
) -> None:
    server.refusal = lambda _: refusal
    with pytest.raises(kind) as refused:
        await make_mailer(f"smtp://{server.host}").send(DUE, "nancy@mesh.test")

    assert (kind, refusal) == (type(refused.value), str(refused.value))


async def test_a_server_that_refuses_the_sender_takes_no_other_mail(
    server: MailServer, make_mailer: MakeMailer
) -> None:
    server.sender_refusal = "553 not your address"
    with pytest.raises(Away, match="553 not your address"):
        await make_mailer(f"smtp://{server.host}").send(DUE, "nancy@mesh.test")


async def test_a_server_that_is_not_there_is_away(server: MailServer, make_mailer: MakeMailer) -> None:
    await server.stop()
    with pytest.raises(Away, match=server.host):
        await make_mailer(f"smtp://{server.host}").send(DUE, "nancy@mesh.test")


async def test_a_server_that_hangs_is_away(make_mailer: MakeMailer) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    hanging = await asyncio.start_server(silent, "127.0.0.1")
    port = hanging.sockets[0].getsockname()[1]
    try:
        with pytest.raises(Away):
            await make_mailer(f"smtp://127.0.0.1:{port}", notifications_smtp_timeout=0.1).send(DUE, "a@mesh.test")
    finally:
        hanging.close()


async def test_tls_at_once(ca: Path, tls: ssl.SSLContext, make_mailer: MakeMailer) -> None:
    async with serving(tls=tls) as server:
        await make_mailer(f"smtps://{server.host}", notifications_smtp_ca=ca).send(DUE, "nancy@mesh.test")
        assert 1 == len(server.mails)


async def test_starttls(ca: Path, tls: ssl.SSLContext, make_mailer: MakeMailer) -> None:
    async with serving(starttls=tls, require_starttls=True) as server:
        await make_mailer(f"smtp://{server.host}", notifications_smtp_ca=ca).send(DUE, "nancy@mesh.test")
        assert 1 == len(server.mails)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_certificate_of_another_ca_gets_no_mail(
    tls: ssl.SSLContext, make_mailer: MakeMailer, scheme: str
) -> None:
    options = {"tls": tls} if scheme == "smtps" else {"starttls": tls}
    async with serving(**options) as server:
        with pytest.raises(Away, match="certificate"):
            await make_mailer(f"{scheme}://{server.host}").send(DUE, "nancy@mesh.test")
        assert [] == server.mails


async def test_a_login(ca: Path, tls: ssl.SSLContext, make_mailer: MakeMailer) -> None:
    async with serving(starttls=tls, authenticator=only("shop", "p:/ss"), auth_required=True) as server:
        await make_mailer(f"smtp://shop:p%3A%2Fss@{server.host}", notifications_smtp_ca=ca).send(DUE, "nancy@mesh.test")
        with pytest.raises(Away) as refused:
            await make_mailer(f"smtp://shop:wr0ng@{server.host}", notifications_smtp_ca=ca).send(DUE, "a@mesh.test")
        assert 1 == len(server.mails)

    assert "535" in str(refused.value)
    assert "wr0ng" not in str(refused.value)
