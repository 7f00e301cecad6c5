from decimal import Decimal

import pytest

from contracts.products_prices import ChangeBy
from products_svc.pricing import changed_price


@pytest.mark.parametrize(
    ("expected", "price", "by", "change"),
    [
        ("19.80", "18.00", ChangeBy.PERCENT, "10"),
        ("17.99", "18.00", ChangeBy.AMOUNT, "-0.01"),
        ("4.73", "4.50", ChangeBy.PERCENT, "5"),  # 4.725
        ("0.05", "0.10", ChangeBy.PERCENT, "-55"),  # 0.045: half to even would be 0.04
        ("18.00", "18.00", ChangeBy.PERCENT, "0.02"),  # 18.0036
        ("0.00", "18.00", ChangeBy.PERCENT, "-100"),
        ("99999999.99", "99999999.98", ChangeBy.AMOUNT, "0.01"),
    ],
)
def test_a_price_is_rounded_half_up_to_cents(expected: str, price: str, by: ChangeBy, change: str) -> None:
    assert expected == str(changed_price(Decimal(price), by, Decimal(change)))


@pytest.mark.parametrize(
    ("price", "by", "change"),
    [
        ("18.00", ChangeBy.AMOUNT, "-18.01"),
        ("18.00", ChangeBy.PERCENT, "-101"),
        ("0.01", ChangeBy.PERCENT, "-101"),  # -0.0001
        ("99999999.99", ChangeBy.AMOUNT, "0.01"),
        ("99999999.99", ChangeBy.PERCENT, "99999999.99"),
    ],
)
def test_a_price_out_of_range_is_none(price: str, by: ChangeBy, change: str) -> None:
    assert changed_price(Decimal(price), by, Decimal(change)) is None
