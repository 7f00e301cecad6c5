"""What a command makes of a gateway's answers, be it a gateway or not."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import typer

from cli import users
from cli.gateway import Gateway, log_in
from contracts.auth import UserPage

NANCY = {"user_id": "u1", "email": "n@x.example", "roles": ["USER"], "created_at": "2026-07-01T00:00:00Z"}
PAGE = {"items": [NANCY], "next_cursor": None}


class Answer:
    """What the stand-in says, and what it was asked."""

    status = 200
    body = b""
    trickles = False
    """Send blanks without end, one after the other."""
    asked: list[str]


class _Handler(BaseHTTPRequestHandler):
    answer: Answer

    def do_GET(self) -> None:
        self.answer.asked.append(self.path)
        self.send_response(self.answer.status)
        self.end_headers()
        self.wfile.write(self.answer.body)
        with suppress(ConnectionError):
            while self.answer.trickles:
                self.wfile.write(b" ")
                time.sleep(0.01)

    do_PATCH = do_POST = do_GET  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answer() -> Answer:
    answer = Answer()
    answer.asked = []
    return answer


@pytest.fixture
def url(answer: Answer) -> Iterator[str]:
    """Something that listens in a gateway's place."""
    handler = type("Handler", (_Handler,), {"answer": answer})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def but(**changes: object) -> bytes:
    """The page with a user like this."""
    return json.dumps({**PAGE, "items": [{**NANCY, **changes}]}).encode()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"7", b"{}", b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"items":[7]}'),
        *(b'{"items":{}}', b'{"items":[{}],"next_cursor":null}', b'{"items":[],"next_cursor":7}'),
        *(but(user_id=7), but(email=None), but(roles="USER"), but(roles=[7]), but(created_at="soon"), but(disabled=[])),
        but(email="x" * 1_000_000),
        b"{" + b",".join(b'"k%d":1' % number for number in range(70_000)) + b"}",
    ],
)
def test_an_answer_that_does_not_fit_is_one_sentence(
    answer: Answer, url: str, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    answer.body = body
    with pytest.raises(typer.Exit):
        users.list_users(gateway=url, token="t")
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith(f"mesh: {url} sent an invalid response: ")
    assert 1 == said.err.count("\n")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"detail":"no","reason":"never"}', "no (never)"),
        (b'{"detail":"\\u009b2J\\u202e","reason":"\\u001b"}', "\\u009b2J\\u202e (\\u001b)"),
        *(
            (body, "HTTP 403")
            for body in (b"", b"[]", b"{}", b'{"detail":7,"reason":[]}', b"[" * 100_000, b"\xff", b"x" * 100_000)
        ),
    ],
)
def test_a_problem_is_told_in_its_words_or_by_its_status(
    answer: Answer, url: str, body: bytes, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer.status, answer.body = 403, body
    with pytest.raises(typer.Exit):
        Gateway(url, "t").ask(UserPage, "GET", "/v1/users")
    assert f"mesh: {told}\n" == capsys.readouterr().err


def test_what_a_user_is_called_commands_no_terminal(
    answer: Answer, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer.body = but(user_id="\x1b[2J", email="\u202e@x\x9b", roles=["\x07"])
    users.list_users(gateway=url, token="t")
    answer.body = json.dumps({**NANCY, "email": "\x1b[2J\u202e"}).encode()
    users.disable("u1", gateway=url, token="t")
    said = capsys.readouterr().out
    assert said.replace("\n", "").isprintable()
    assert "\\u001b[2J" in said


def test_no_id_and_no_cursor_leads_to_another_path(answer: Answer, url: str) -> None:
    answer.body = json.dumps({**PAGE, "next_cursor": "a&b=c#d e"}).encode()
    with pytest.raises(typer.Exit):
        users.disable("../auth/password?x=", gateway=url, token="t")
    assert ["/v1/users/..%2Fauth%2Fpassword%3Fx%3D"] == answer.asked


@pytest.mark.parametrize(
    "wrong",
    [
        *({"access_token": one} for one in ("", "t\n\x1b[31mX: y", "a b", "\xe9")),
        *({"expires_in": one} for one in (-1, 10**400, 1e300)),
    ],
)
def test_tokens_that_cannot_be_used_are_an_invalid_response_and_are_not_shown(
    answer: Answer, url: str, wrong: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = {"access_token": "t", "token_type": "Bearer", "expires_in": 900, "refresh_token": "r"}
    answer.body = json.dumps({**tokens, **wrong}).encode()
    with pytest.raises(typer.Exit):
        log_in(url, "n@x.example", "x")
    said = capsys.readouterr().err
    assert said.startswith(f"mesh: {url} sent an invalid response: {next(iter(wrong))}")
    assert "31m" not in said


@pytest.mark.parametrize("status", [200, 403])
def test_a_response_that_trickles_is_not_waited_for(
    answer: Answer, url: str, status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.gateway._TIMEOUT", 0.3)
    answer.status, answer.trickles = status, True
    with pytest.raises(typer.Exit):
        Gateway(url, "t").ask(UserPage, "GET", "/v1/users")
    assert capsys.readouterr().err.startswith("mesh: HTTP 403" if status == 403 else f"mesh: {url} does not answer")
