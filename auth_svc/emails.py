"""When two e-mail addresses are one: in the form that is stored, equal addresses are equal texts."""

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

from contracts.auth import AuthReason
from mesh.errors import Invalid

_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\U000e0000-\U000e0fff]")
"""Unicode's Default_Ignorable_Code_Point as far as NFKC and the validator leave it, and the blank Braille pattern."""


def normalise(email: str) -> str:
    """The address in NFKC and lower case, its domain in ASCII (IDNA, RFC 5891).

    No more of case folding than one letter for both small sigmas: it would make one mailbox of straße@ and strasse@.

    RFC 5321 lets a local part's case matter; no provider of note does, and two users a letter's case apart would be a
    trap. Raises Invalid for what is no address (RFC 5322, RFC 6531) of a host on the internet, or looks like another
    for what nobody sees in it.
    """
    folded = unicodedata.normalize("NFKC", email).lower()
    if _INVISIBLE.search(folded):
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
