"""The mail server of `mesh up`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiosmtplib import SMTP, SMTPDataError, SMTPException, SMTPRecipientsRefused

from devstack.servers.mail_sink import MailSink
from ops.mailbox import Mailbox

MAIL = "From: a@mesh.test\r\nSubject: Hello\r\n\r\nText\r\n"


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[MailSink]:
    sink = MailSink()
    await sink.start(tmp_path)
    yield sink
    await sink.stop()


def connection(sink: MailSink) -> SMTP:
    assert sink.url is not None
    host, _, port = sink.url.removeprefix("smtp://").partition(":")
    return SMTP(hostname=host, port=int(port), timeout=10)


async def send(sink: MailSink, *recipients: str, text: str = MAIL) -> None:
    async with connection(sink) as client:
        await client.sendmail("a@mesh.test", [*recipients], text)


async def test_every_mail_is_kept(sink: MailSink, tmp_path: Path) -> None:
    await asyncio.gather(*(send(sink, f"b{number}@mesh.test") for number in range(20)))

    mails = [Mailbox(tmp_path).read(number) for number in Mailbox(tmp_path).numbers()]
    assert {f"b{number}@mesh.test" for number in range(20)} == {mail.recipients for mail in mails if mail}


async def test_a_mail_over_a_mebibyte_is_refused(sink: MailSink, tmp_path: Path) -> None:
    with pytest.raises((SMTPDataError, SMTPException)):
        await send(sink, "b@mesh.test", text=MAIL + "x" * 80 * 15_000)

    assert [] == Mailbox(tmp_path).numbers()


async def test_a_hundred_recipients_are_enough(sink: MailSink) -> None:
    async with connection(sink) as client:
        refused, _ = await client.sendmail("a@mesh.test", [f"b{number}@mesh.test" for number in range(101)], MAIL)

    assert ["b100@mesh.test"] == [*refused]


async def test_a_full_disk_is_an_answer_for_now(sink: MailSink, tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("no folder")
    with pytest.raises((SMTPDataError, SMTPRecipientsRefused)) as refused:
        await send(sink, "b@mesh.test")

    assert isinstance(refused.value, SMTPDataError)
    assert 451 == refused.value.code


async def test_it_stops_with_connections_open(sink: MailSink) -> None:
    client = connection(sink)
    await client.connect()
    await sink.stop()

    assert sink.url is None
    with pytest.raises(SMTPException):
        await client.noop()
