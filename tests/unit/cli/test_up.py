"""What `mesh up` shows of its processes' own words."""

import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.application import application
from cli.stack import up
from cli.stack.summary import print_summary
from devstack.home.state import Admin, Operator, StackState
from services import PROCESSES

ODD = ["\x1b[2J", "\x1b]0;title\x07", "\x9b2J", "\u202egnp", "\u2066", "\x7f", "\r", "\x00", "\udc80", "\u200b"]


@pytest.mark.parametrize("odd", ODD)
def test_no_line_of_a_log_commands_the_terminal(odd: str) -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system=None)
    console.print(up.log_line("postgres", f"statement:\t{odd}DROP\n"), soft_wrap=True)
    said = out.getvalue().removesuffix("\n")
    assert said.replace("\t", "").isprintable()
    assert f"\\u{ord(odd[0]):04x}" in said or "\\r" in said


@pytest.mark.parametrize("odd", ODD)
def test_no_last_words_of_a_process_command_the_terminal(odd: str) -> None:
    out = StringIO()
    up.Progress(Console(file=out, force_terminal=True, color_system=None)).record("auth", "failed", f"said {odd}")
    assert out.getvalue().replace("\n", "").isprintable()


def test_what_is_harmless_is_shown_as_it_is() -> None:
    assert "        auth Süßwaren [bold]日本" == up.log_line("auth", "Süßwaren [bold]日本\n").plain


def test_who_runs_a_service_is_told_how_its_environment_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a home" / "env" / "customers.env"
    state = StackState(
        gateway_url="http://127.0.0.1:8080",
        gateway_urls=["http://127.0.0.1:8080"],
        nats_url="nats://127.0.0.1:4222",
        nats_monitor_url=None,
        operator=Operator(),
        admin=Admin(email="admin@northwind.example", password="secret"),
        databases={"customers": "postgresql://customers:word@127.0.0.1:1/customers"},
        postgres={},
        mongo_url=None,
        home=tmp_path,
        logs=tmp_path,
        pid=1,
        processes={},
        environments={"customers": file},
    )
    print_summary(Console(highlight=False), state)
    said = capsys.readouterr().out
    assert f"customers  is left to you; its environment: {file}" in said
    assert f"set -a; . '{file}'; set +a; {sys.executable} -m customers_svc" in said
    assert "secret" not in said


def test_the_help_names_the_url_of_each_server() -> None:
    shown = " ".join(CliRunner().invoke(application(["up"]), ["up", "--help"]).stdout.split())
    urls = [row.url_variable for row in PROCESSES if row.url_variable]

    assert f"set NATS_URL, {', '.join(urls[:-1])} or {urls[-1]}." in shown
