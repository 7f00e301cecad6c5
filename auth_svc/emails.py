"""Normalises e-mail addresses, so that equal addresses are equal texts."""

import unicodedata
from typing import Final

from email_validator import EmailNotValidError, validate_email

from contracts.auth import AuthReason
from mesh.core.errors import Invalid
from providers.postgres.folding import INVISIBLE

_ABOVE: Final = 230  # the combining class of marks above a letter
_DOT: Final = "\N{COMBINING DOT ABOVE}"
_DOTTED: Final = frozenset("ijɉɨʝϳіјᶖ")  # noqa: RUF001  # Unicode's Soft_Dotted, of small letters that NFKD leaves


def normalise(email: str) -> str:
    """The address in NFKC and lower case, its domain in ASCII (IDNA, RFC 5891).

    A dot above a letter that already has one is dropped in the local part: İ in lower case is i with such a dot. Of
    full case folding only the two small sigmas are joined: more would make one mailbox of straße@ and strasse@.

    RFC 5321 allows case-sensitive local parts, but no notable provider uses them, and two users who differ in case only
    would be a trap. Raises Invalid for a text that is not an address (RFC 5322, RFC 6531) of an internet host, or that
    contains invisible characters.
    """
    return _address(folded(email))


def forms(email: str) -> tuple[str, ...]:
    """The forms in which the address may be stored: that of an older version if it differs, then the current one.

    Raises Invalid.
    """
    return tuple(dict.fromkeys((_address(unicodedata.normalize("NFKC", email).lower()), normalise(email))))


def folded(email: str) -> str:
    """An address or a part of one as far as case and composition go, without a check.

    NFKC and lower case, repeated until nothing changes: lower-casing can create new compositions.
    """
    while (once := _without_dots(unicodedata.normalize("NFKC", email).lower())) != email:
        email = once
    return once


def _without_dots(email: str) -> str:
    """Without such dots in the local part. A domain with such a dot is another domain."""
    local_part, at, domain = email.rpartition("@")
    return unicodedata.normalize("NFKC", f"{_undotted(local_part)}{at}{domain}")


def _undotted(text: str) -> str:
    """Without invisible dots: those above a letter that has one, with no other mark above in between."""
    kept: list[str] = []
    dotted = False
    for c in unicodedata.normalize("NFD", text):
        if c == _DOT and dotted:
            continue
        kept.append(c)
        combining = unicodedata.combining(c)
        if not combining:
            dotted = c in _DOTTED
        elif combining == _ABOVE:
            dotted = False
    return "".join(kept)


def _address(folded: str) -> str:
    if INVISIBLE.search(folded):
        raise _no_address()
    try:
        # No DNS look-up. `.test` (RFC 6761) is accepted as a domain.
        address = validate_email(folded, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise _no_address() from error
    local_part = address.local_part.replace("ς", "σ")  # noqa: RUF001  # Greek, as it should be
    return f"{local_part}@{address.ascii_domain}"


def _no_address() -> Invalid:
    return Invalid.field("email", AuthReason.INVALID_EMAIL, "must be an e-mail address")


def spellings(email: str) -> set[str]:
    """How people may write a normalised address or its local part: case folded, and the domain also in Unicode."""
    address = validate_email(email, check_deliverability=False, test_environment=True)
    written = (email, f"{address.local_part}@{address.domain}", address.local_part)
    return {one.casefold() for one in written}
