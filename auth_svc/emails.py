"""When two e-mail addresses are one: in the form that is stored, equal addresses are equal texts."""

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

    In the local part a dot above a letter that has one anyway does not count: İ in lower case is i with such a dot. No
    more of case folding than one letter for both small sigmas: it would make one mailbox of straße@ and strasse@.

    RFC 5321 lets a local part's case matter; no provider of note does, and two users a letter's case apart would be a
    trap. Raises Invalid for what is no address (RFC 5322, RFC 6531) of a host on the internet, or looks like another
    for what nobody sees in it.
    """
    return _address(_folded(email))


def forms(email: str) -> tuple[str, ...]:
    """The forms in which the address may be stored: that of an older version where it differs, then today's.

    Raises Invalid.
    """
    return tuple(dict.fromkeys((_address(unicodedata.normalize("NFKC", email).lower()), normalise(email))))


def _folded(email: str) -> str:
    """In NFKC and lower case; until nothing changes, since what is in lower case may compose anew."""
    while (folded := _without_dots(unicodedata.normalize("NFKC", email).lower())) != email:
        email = folded
    return folded


def _without_dots(email: str) -> str:
    """Without such dots in the local part; a domain with one is another domain."""
    local_part, at, domain = email.rpartition("@")
    return unicodedata.normalize("NFKC", f"{_undotted(local_part)}{at}{domain}")


def _undotted(text: str) -> str:
    """Without the dots that nobody sees: those above a letter that has one, with no other mark above before them."""
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
        # No look-up in the DNS; `.test` (RFC 6761) is as good a domain as any.
        address = validate_email(folded, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise _no_address() from error
    local_part = address.local_part.replace("ς", "σ")  # noqa: RUF001  # Greek, as it should be
    return f"{local_part}@{address.ascii_domain}"


def _no_address() -> Invalid:
    return Invalid.field("email", AuthReason.INVALID_EMAIL, "must be an e-mail address")


def spellings(email: str) -> set[str]:
    """How people may write a normalised address, and its local part alone: case folded, the domain in Unicode too."""
    address = validate_email(email, check_deliverability=False, test_environment=True)
    written = (email, f"{address.local_part}@{address.domain}", address.local_part)
    return {one.casefold() for one in written}
