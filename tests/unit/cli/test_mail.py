"""`mesh mail` on a home with mails."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.application import application
from ops.mailbox import Mailbox
from tests.support.paths import ROOT


def mesh(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(application(["mail"]), ["mail", *arguments, "--home", str(home)])


def keep(home: Path, subject: str = "Hello", text: str = "Text") -> None:
    message = EmailMessage(policy=SMTPUTF8)
    message["To"] = "b@mesh.test"
    message["Subject"] = subject
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    Mailbox(home).keep(["b@mesh.test"], message.as_bytes())


@pytest.mark.parametrize("command", [(), ("ls",)])
def test_mails_are_listed_with_the_newest_last(tmp_path: Path, command: tuple[str, ...]) -> None:
    keep(tmp_path, "First")
    keep(tmp_path, "Second")
    listed = mesh(tmp_path, *command)

    assert 0 == listed.exit_code, listed.output
    assert ["number", "1", "2"] == [line.split()[0] for line in listed.stdout.splitlines()]
    assert listed.stdout.splitlines()[-1].endswith("Second")


def test_the_list_as_json(tmp_path: Path) -> None:
    keep(tmp_path)
    listed = mesh(tmp_path, "ls", "--json")

    assert {"number": 1, "to": "b@mesh.test", "date": "", "subject": "Hello"} == json.loads(listed.stdout)


def test_the_default_list_as_json(tmp_path: Path) -> None:
    keep(tmp_path)

    assert mesh(tmp_path, "ls", "--json").stdout == mesh(tmp_path, "--json").stdout


def test_json_before_a_subcommand_is_refused(tmp_path: Path) -> None:
    runner = CliRunner()
    refused = runner.invoke(application(["mail"]), ["mail", "--json", "ls", "--home", str(tmp_path)])

    assert (2, True) == (refused.exit_code, "`mesh mail ls --json`" in refused.stderr)


def test_a_mail_as_json_has_its_headers_its_text_and_its_html(tmp_path: Path) -> None:
    keep(tmp_path)

    assert {
        "number": 1,
        "from": "",
        "to": "b@mesh.test",
        "date": "",
        "subject": "Hello",
        "message_id": "",
        "text": "Text\n",
        "html": "<p>Text</p>\n",
    } == json.loads(mesh(tmp_path, "show", "1", "--json").stdout)


def test_a_mail_is_shown_as_text_or_as_html(tmp_path: Path) -> None:
    keep(tmp_path)

    assert "To: b@mesh.test\nSubject: Hello\n\nText\n" == mesh(tmp_path, "show", "1").stdout
    assert "<p>Text</p>\n" in mesh(tmp_path, "show", "1", "--html").stdout


def test_control_characters_are_escaped(tmp_path: Path) -> None:
    keep(tmp_path, text="\x1b[31mred\x9b")
    Mailbox(tmp_path).keep(["\x1b]0;title\x07@mesh.test"], b"Subject: \x1b[2J\r\n\r\nText")

    assert "\\u001b[31mred\\u009b" in mesh(tmp_path, "show", "1").stdout
    for shown in (mesh(tmp_path, "ls").stdout, mesh(tmp_path, "show", "2").stdout):
        assert "\x1b" not in shown
        assert "\x07" not in shown


def test_each_new_mail_is_printed_and_no_older_one(tmp_path: Path) -> None:
    keep(tmp_path, "Older")
    command = [sys.executable, "-m", "cli.main", "mail", "--follow", "--home", str(tmp_path)]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as following:
        assert following.stdout is not None
        # Whatever comes before it looks for the first time counts as older: so several are sent.
        with sending(tmp_path):
            printed = [following.stdout.readline().split("  ") for _ in range(3)]
        following.send_signal(signal.SIGINT)
        rest = following.stdout.read()

    numbers = [int(line[0]) for line in printed]
    assert [*range(numbers[0], numbers[0] + 3)] == numbers
    assert 1 < numbers[0]
    assert {("b@mesh.test", "New\n")} == {(line[2], line[3]) for line in printed}
    assert 130 == following.returncode
    assert "Traceback" not in rest


@contextmanager
def sending(home: Path) -> Iterator[None]:
    """Keep new mails, one after the other, until the end of the context."""
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.02):
            keep(home, "New")

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send)
        try:
            yield
        finally:
            ended.set()
            sent.result()


def test_an_unknown_mail_is_one_line(tmp_path: Path) -> None:
    missing = mesh(tmp_path, "show", "7")

    assert 1 == missing.exit_code
    assert f"there is no mail 7 in {tmp_path / 'mail'}" in missing.stderr


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00\r\n", b"To: <\r\nDate: x\r\n\r\n", b"Content-Type: text/plain; charset=nope\r\n\r\nx"]
)
def test_a_mail_that_is_none_is_shown_without_a_traceback(tmp_path: Path, content: bytes) -> None:
    Mailbox(tmp_path).keep(["b@mesh.test"], content)

    for arguments in (("ls",), ("show", "1")):
        assert 0 == mesh(tmp_path, *arguments).exit_code
