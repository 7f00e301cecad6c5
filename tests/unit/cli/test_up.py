"""What `mesh up` shows of its processes' own words."""

from io import StringIO

import pytest
from rich.console import Console

from cli import up

ODD = ["\x1b[2J", "\x1b]0;title\x07", "\x9b2J", "\u202egnp", "\u2066", "\x7f", "\r", "\x00", "\udc80", "\u200b"]


@pytest.mark.parametrize("odd", ODD)
def test_no_line_of_a_log_commands_the_terminal(odd: str) -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system=None)
    console.print(up._log_line("postgres", f"statement:\t{odd}DROP\n"), soft_wrap=True)
    said = out.getvalue().removesuffix("\n")
    assert said.replace("\t", "").isprintable()
    assert f"\\u{ord(odd[0]):04x}" in said or "\\r" in said


@pytest.mark.parametrize("odd", ODD)
def test_no_last_words_of_a_process_command_the_terminal(odd: str) -> None:
    out = StringIO()
    up._Progress(Console(file=out, force_terminal=True, color_system=None)).hear("auth", "failed", f"said {odd}")
    assert out.getvalue().replace("\n", "").isprintable()


def test_what_is_harmless_is_shown_as_it_is() -> None:
    assert "        auth Süßwaren [bold]日本" == up._log_line("auth", "Süßwaren [bold]日本\n").plain
