"""Suggests ids for new customers, which resemble the company's name as Northwind's do."""

from collections.abc import Iterator
from itertools import product
from string import ascii_uppercase
from typing import Final

from providers.postgres.folding import fold

_LENGTH: Final = 5
_FROM_FIRST_WORD: Final = 3
_REPLACED: Final = 3
"""So many letters at the end may be others, so that an id still resembles the name."""

FIRST_FREE: Final = """
    SELECT candidate.customer_id FROM unnest($1::text[]) WITH ORDINALITY AS candidate (customer_id, position)
    WHERE NOT EXISTS (SELECT FROM customers WHERE customers.customer_id = candidate.customer_id)
    ORDER BY position LIMIT 1
"""


def suggestions(company_name: str) -> Iterator[list[str]]:
    """Candidates in order of preference, in batches: the best id, then ids with one, two and three other letters."""
    best = suggested(company_name)
    for replaced in range(_REPLACED + 1):
        yield [best[: _LENGTH - replaced] + "".join(end) for end in product(ascii_uppercase, repeat=replaced)]


def suggested(company_name: str) -> str:
    """The best id: three letters of the first word and two of the second, or five of the whole, filled up with X."""
    words = ["".join(c for c in word.upper() if c in ascii_uppercase) for word in fold(company_name).split()]
    first, *others = [word for word in words if word] or [""]
    second = others[0] if others else ""
    mixed = first[:_FROM_FIRST_WORD] + second[: _LENGTH - _FROM_FIRST_WORD]
    whole = mixed if len(mixed) == _LENGTH else "".join((first, *others))
    return whole[:_LENGTH].ljust(_LENGTH, "X")
