import pytest

from auth_svc.emails import normalise
from mesh.errors import Invalid


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("anna@example.com", "anna@example.com"),
        ("Anna.Berg@Example.COM", "anna.berg@example.com"),
        ("ａnna@ｅxample.com", "anna@example.com"),  # noqa: RUF001  # full-width letters on purpose
        ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
        ("anna@xn--bcher-kva.example", "anna@xn--bcher-kva.example"),
        ("A\u0308nna@example.com", "änna@example.com"),
        ("Änna@example.com", "änna@example.com"),
        ("ΑΣ@example.com", "ασ@example.com"),  # noqa: RUF001  # Greek on purpose, here and below
        ("ας@example.com", "ασ@example.com"),  # noqa: RUF001
        ("straße@example.com", "straße@example.com"),
        ("anna+tag@example.com", "anna+tag@example.com"),
    ],
)
def test_an_address_has_one_form(given: str, stored: str) -> None:
    assert stored == normalise(given)
    assert stored == normalise(stored)


@pytest.mark.parametrize(
    "wrong",
    [
        "anna@localhost",
        "a..b@example.com",
        '"q"@example.com',
        "anna@[127.0.0.1]",
        "a@b@c",
        *(
            f"an{invisible}na@example.com"
            for invisible in "\xad\u034f\u1160\u200b\u2060\u2800\u3164\ufe0f\uffa0\U000e0100"
        ),
    ],
)
def test_what_is_no_address_on_the_internet_is_refused(wrong: str) -> None:
    with pytest.raises(Invalid) as refusal:
        normalise(wrong)
    assert ("invalid_email", "email") == (refusal.value.reason, refusal.value.errors[0].field)
    assert wrong not in refusal.value.detail
