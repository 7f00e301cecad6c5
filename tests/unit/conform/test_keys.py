"""The keys of the rows that the kit makes."""

import re
from itertools import islice

from conform.givens import Keys


def drawn(seed: int, count: int) -> list[str]:
    keys = Keys(seed)
    return list(islice(iter(keys.customer, None), count))


def test_no_key_of_a_customer_comes_twice() -> None:
    keys = drawn(7, 50_000)
    assert len(keys) == len(set(keys))
    assert all(re.fullmatch("Z[XYZ][A-Z]{3}", key) for key in keys)


def test_a_seed_repeats_the_keys() -> None:
    assert drawn(7, 20) == drawn(7, 20)
    assert drawn(7, 20) != drawn(8, 20)
