"""HTML for who prefers it, JSON for everyone else."""

import pytest

from gateway.semantics.negotiation import prefers_html


@pytest.mark.parametrize(
    "accept",
    [
        b"text/html",
        b"TEXT/HTML",
        b"text/*",
        b"text/html, application/json;q=0.9",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        b"application/json;q=0.2, text/html;level=1;q=0.3",
        b"nonsense, text/html",
    ],
)
def test_a_browser_gets_html(accept: bytes) -> None:
    assert prefers_html([(b"accept", accept)])


@pytest.mark.parametrize(
    "accept",
    [
        b"",
        b"*/*",
        b"application/json",
        b"text/html;q=0",
        b"text/html, application/json",
        b"text/html;q=0.5, application/*",
        b"image/png",
        b"text/html/x",
        b"*/*, text/html;q=0.1",
        b";;;,,,",
        b"\xff/\xff",
    ],
)
def test_everyone_else_gets_json(accept: bytes) -> None:
    assert not prefers_html([(b"accept", accept)])


def test_who_says_nothing_gets_json() -> None:
    assert not prefers_html([(b"host", b"gateway.test")])


def test_several_lines_are_one_list() -> None:
    assert not prefers_html([(b"accept", b"text/html;q=0.5"), (b"accept", b"application/json")])
