import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_svc.emails import forms, normalise
from mesh.core.errors import Invalid


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
        ("İnci@example.com", "inci@example.com"),
        ("i\u0307nci@example.com", "inci@example.com"),
        ("I\u0307\u0323nci@example.com", "\u1ecbnci@example.com"),
        ("J\u0307an@example.com", "jan@example.com"),
        ("J\u030can@example.com", "\u01f0an@example.com"),
        ("\u0406\u0307van@example.com", "\u0456van@example.com"),
        ("\u1e58ob@example.com", "\u1e59ob@example.com"),  # a dot that one sees
        ("i\u0301\u0307@example.com", "\xed\u0307@example.com"),
        ("anna@İzmir.example", "anna@xn--izmir-7fd.example"),  # another domain than izmir.example
    ],
)
def test_an_address_has_one_form(given: str, stored: str) -> None:
    assert stored == normalise(given)
    assert stored == normalise(stored)


@given(local_part=st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=20))
def test_an_address_in_its_form_has_no_other(local_part: str) -> None:
    try:
        stored = normalise(f"{local_part}@example.com")
    except Invalid:
        return
    assert stored == normalise(stored)
    assert (stored,) == forms(stored)
    assert stored == forms(f"{local_part}@example.com")[-1]


def test_an_address_that_an_older_version_stored_otherwise_has_that_form_too() -> None:
    assert ("i\u0307nci@example.com", "inci@example.com") == forms("İnci@example.com")
    assert ("inci@example.com",) == forms("INCI@example.com")


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
