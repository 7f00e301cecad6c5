"""Tracking numbers: they follow from the order, and a check digit finds mistyped ones."""

_PREFIX = "NW"
_DIGITS = 10


def tracking_number(order_id: int) -> str:
    """`NW`, the order's id in ten digits, and their check digit by Luhn's algorithm (ISO/IEC 7812-1, annex B)."""
    number = f"{order_id:0{_DIGITS}}"
    return f"{_PREFIX}{number}{_check_digit(number)}"


def _check_digit(number: str) -> int:
    """The digit that makes the sum a multiple of ten. Every second digit counts twice, starting with the last."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[::2]]
    return -sum(doubled + digits[1::2]) % 10
