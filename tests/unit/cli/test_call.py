"""What `mesh call` shows of a reply: on a terminal to people, in a pipe to programs."""

from io import StringIO

import pytest
from rich.console import Console

from cli.calling import call


def shown(body: bytes) -> str:
    """The body as it stands on a terminal."""
    out = StringIO()
    call.print_body(Console(file=out, force_terminal=True, color_system=None), body)
    return out.getvalue()


def test_a_reply_is_laid_out_for_people() -> None:
    assert '{\n  "name": "Süßwaren"\n}\n' == shown('{"name":"Süßwaren"}'.encode())


@pytest.mark.parametrize("text", ["\x1b[31m", "\x9b31m", "\u202e", "\x07"])
@pytest.mark.parametrize("body", ['{{"name":"{}"}}', "{}", '{{"name":{}'])
def test_nothing_in_a_reply_commands_a_terminal(body: str, text: str) -> None:
    answer = shown(body.format(text).encode())
    assert answer.replace("\n", "").isprintable()
    assert f"\\u{ord(text[0]):04x}" in answer


def test_a_reply_that_is_too_deep_to_be_laid_out_is_shown_as_it_is() -> None:
    assert "[" * 100_000 + "\n" == shown(b"[" * 100_000)


def test_a_program_gets_the_very_bytes(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    call.print_body(Console(force_terminal=False), b'{"price":12.50,"name":"\xc2\x9b"}')
    assert b'{"price":12.50,"name":"\xc2\x9b"}\n' == capsysbinary.readouterr().out


@pytest.mark.parametrize("subject", ["customers.get", "$SRV.PING", "a-b_c", "größe"])
def test_words_between_dots_are_a_subject(subject: str) -> None:
    assert call.is_subject(subject)


@pytest.mark.parametrize(
    "subject",
    ["", ".", "customers.", ".get", "a..b", "customers get", "a\tb", "a\n", "*", "customers.*", "customers.>"],
)
def test_what_no_message_can_be_sent_on_is_no_subject(subject: str) -> None:
    assert not call.is_subject(subject)
