import json
from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.base import Money, MoneyRead

ASKED, READ = TypeAdapter[Decimal](Money), TypeAdapter[Decimal](MoneyRead)


@pytest.mark.parametrize("amount", ["0", "1", "18.00", "18.5", "99999999.99"])
def test_an_amount_is_the_same_in_a_reply_as_in_a_request(amount: str) -> None:
    assert Decimal(amount) == READ.validate_json(json.dumps(amount)) == ASKED.validate_json(json.dumps(amount))
    assert Decimal(amount) == READ.validate_python(amount) == READ.validate_python(Decimal(amount))
    assert json.dumps(amount).encode() == READ.dump_json(Decimal(amount)) == ASKED.dump_json(Decimal(amount))


@pytest.mark.parametrize(
    "wrong", [18, 18.0, True, None, "", "-1", "+1", "1.005", "1e3", "NaN", "123456789", "018.00", "00", "\u0661", " 1"]
)
def test_what_is_no_amount_is_none_in_a_reply_either(wrong: object) -> None:
    for adapter in (ASKED, READ):
        with pytest.raises(ValidationError):
            adapter.validate_json(json.dumps(wrong))
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_both_are_documented_alike(mode: str) -> None:
    assert ASKED.json_schema(mode=mode) == READ.json_schema(mode=mode)  # type: ignore[arg-type]  # either
