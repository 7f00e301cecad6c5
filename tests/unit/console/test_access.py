import pytest
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from console.access import COOKIE, ONCE_LASTS, Sessions
from console.settings import ConsoleSettings
from contracts.auth import Jwks
from mesh.core.errors import Unauthenticated
from mesh.security.verifier import Verifier
from tests.support.clock import Clock


def made(clock: Clock, lasts: float = 3600.0, most: int = 10) -> Sessions:
    known = ConsoleSettings(
        console_token=SecretStr("once"),
        console_key=SecretStr("key"),
        console_otlp_token=SecretStr("otlp"),
        console_session_lasts=lasts,
        console_sessions=most,
    )

    async def no_keys() -> Jwks:
        return Jwks(keys=())

    return Sessions(known, Verifier(known, no_keys), clock)


def browser(session: str) -> HTTPConnection:
    return HTTPConnection({"type": "http", "headers": [(b"cookie", f"{COOKIE}={session}".encode())]})


def test_a_token_signs_in_one_browser_once() -> None:
    sessions = made(Clock())
    session = sessions.by_token("once")
    assert session is not None
    assert sessions.valid(browser(session))
    assert sessions.by_token("once") is None


def test_the_key_signs_in_any_number_of_browsers() -> None:
    sessions = made(Clock())
    assert sessions.by_token("key") != sessions.by_token("key")


@pytest.mark.parametrize("token", ["", "otlp", "Once", "once ", "é"])
def test_another_token_signs_in_nobody(token: str) -> None:
    assert made(Clock()).by_token(token) is None


def test_a_session_ends_by_itself_by_signing_out_and_for_a_newer_one() -> None:
    clock = Clock()
    sessions = made(clock, lasts=60, most=2)
    first, second, third = (sessions.by_token("key") or "" for _ in range(3))
    assert [False, True, True] == [sessions.valid(browser(one)) for one in (first, second, third)]
    sessions.end(browser(second))
    assert not sessions.valid(browser(second))
    clock.now += 61
    assert not sessions.valid(browser(third))


def test_a_made_up_cookie_is_no_session() -> None:
    assert not made(Clock()).valid(browser("key"))


async def test_what_is_no_access_token_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        await made(Clock()).by_access_token("Bearer nonsense")


def test_only_the_token_for_telemetry_may_send_it() -> None:
    sessions = made(Clock())
    assert sessions.sends("Bearer otlp")
    assert not any(map(sessions.sends, ["", "otlp", "Bearer key", "Bearer once"]))


def with_key(authorization: str) -> HTTPConnection:
    return HTTPConnection({"type": "http", "headers": [(b"authorization", authorization.encode())]})


def test_a_fresh_token_signs_in_one_browser_once_and_not_for_long() -> None:
    clock = Clock()
    sessions = made(clock)
    first, second = sessions.fresh_token(), sessions.fresh_token()
    session = sessions.by_token(first)
    assert session is not None
    assert sessions.valid(browser(session))
    assert sessions.by_token(first) is None
    clock.now += ONCE_LASTS
    assert sessions.by_token(second) is None


def test_fresh_tokens_do_not_pile_up() -> None:
    sessions = made(Clock())
    tokens = [sessions.fresh_token() for _ in range(100)]
    assert sessions.by_token(tokens[0]) is None
    assert sessions.by_token(tokens[-1]) is not None


def test_only_the_key_is_the_key() -> None:
    sessions = made(Clock())
    assert sessions.has_key(with_key("Bearer key"))
    assert not any(sessions.has_key(with_key(text)) for text in ("", "key", "Bearer once", "Bearer otlp", "Basic key"))
