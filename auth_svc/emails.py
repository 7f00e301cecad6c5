"""When two e-mail addresses are one: in the form that is stored, equal addresses are equal texts."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from contracts.auth import AuthReason
from mesh.errors import Invalid


def normalise(email: str) -> str:
    """The address in NFKC and lower case, its domain in ASCII (IDNA, RFC 5891).

    RFC 5321 lets a local part's case matter; no provider of note does, and two users a letter's case apart would be a
    trap. Raises Invalid for what is no address (RFC 5322, RFC 6531) of a host on the internet.
    """
    folded = unicodedata.normalize("NFKC", email).lower()
    try:
        # No look-up in the DNS; `.test` (RFC 6761) is as good a domain as any.
        address = validate_email(folded, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Invalid.field("email", AuthReason.INVALID_EMAIL, "must be an e-mail address") from error
    return f"{address.local_part}@{address.ascii_domain}"


def spellings(email: str) -> set[str]:
    """How people may write a normalised address, and its local part alone: case folded, the domain in Unicode too."""
    address = validate_email(email, check_deliverability=False, test_environment=True)
    written = (email, f"{address.local_part}@{address.domain}", address.local_part)
    return {one.casefold() for one in written}
