"""Each error that a payload can cause has a reason of the contract's."""

from typing import get_args

from pydantic_core import core_schema

from mesh.wire.field_reasons import FieldReason, field_reason

_OF_PYTHON = {
    *("no_such_attribute", "json_invalid", "needs_python_object", "recursion_loop", "recursion_depth_exceeded"),
    *("frozen_field", "frozen_instance", "get_attribute_error", "default_factory_not_called", "iteration_error"),
    *("set_item_not_hashable", "missing_sentinel_error", "ellipsis_error", "is_instance_of", "is_subclass_of"),
    *("callable_type", "multiple_argument_values"),
}
"""Errors of pydantic that no JSON, query or header can cause, or that are no field's."""


def test_each_error_of_pydantic_has_a_reason() -> None:
    known = set(get_args(core_schema.ErrorType)) - _OF_PYTHON

    assert set() == {kind for kind in known if field_reason({"type": kind}) is FieldReason.INVALID} - {
        *("value_error", "assertion_error", "multiple_of")
    }


def test_an_error_of_a_contract_says_its_reason_itself() -> None:
    assert [FieldReason.TOO_FEW, FieldReason.INVALID] == [
        field_reason({"type": kind}) for kind in ("too_few", "never_heard_of")
    ]
