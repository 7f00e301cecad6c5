import pytest

from shipping_svc.tracking import tracking_number


@pytest.mark.parametrize(
    ("order_id", "expected"),
    [
        (7992739871, "NW79927398713"),  # the usual example of the algorithm
        (11078, "NW00000110783"),
        (2**31 - 1, "NW21474836471"),
    ],
)
def test_a_tracking_number_is_the_order_with_a_check_digit(order_id: int, expected: str) -> None:
    assert expected == tracking_number(order_id)


def test_the_check_digit_finds_each_mistyped_digit() -> None:
    number = tracking_number(11078).removeprefix("NW")
    for place, digit in enumerate(number[:-1]):
        for other in set("0123456789") - {digit}:
            mistyped = f"{number[:place]}{other}{number[place + 1 : -1]}"
            assert number[-1] != tracking_number(int(mistyped))[-1]
