"""Orders by several fields, as a plain model has them."""

from collections.abc import Callable, Iterable, Mapping
from itertools import permutations, product
from typing import Any, TypeVar

from contracts.base import MOST_SORT_KEYS

Row = TypeVar("Row")


def orders(single: Iterable[str]) -> list[str]:
    """Every `sort` by up to MOST_SORT_KEYS of the fields of these orders by one field."""
    fields = tuple(dict.fromkeys(one.removeprefix("-") for one in single if one != "relevance"))
    signed = [("", "-")] * MOST_SORT_KEYS
    return [
        ",".join(map("".join, zip(signs, chosen, strict=True)))
        for number in range(1, MOST_SORT_KEYS + 1)
        for chosen in permutations(fields, number)
        for signs in product(*signed[:number])
    ]


def in_order(rows: Iterable[Row], sort: str, keys: Mapping[str, Callable[[Row], Any]]) -> list[Row]:
    """The rows in an order. The first of `keys` breaks ties, in the direction of the last field."""
    fields = sort.split(",")
    tie = next(iter(keys))
    fields.append(f"-{tie}" if fields[-1].startswith("-") else tie)
    found = list(rows)
    for field in reversed(fields):  # sorting is stable
        found.sort(key=keys[field.removeprefix("-")], reverse=field.startswith("-"))
    return found
