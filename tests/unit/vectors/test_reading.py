"""What a worker reads is what the rules of docs/reference/wire.md allow, whatever is sent."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mesh.core.endpoint import Endpoint
from mesh.core.errors import Invalid
from mesh.wire import validation
from mesh.wire.json_text import require_unique_names
from subjects import CUSTOMERS_CREATE, CUSTOMERS_GET, ENDPOINTS, ORDERS_PLACE, PRODUCTS_GET
from tests.support.contract import golden
from tests.support.contract.reference_reader import NotJsonError, require_json

_ENDPOINTS: list[Endpoint[Any, Any]] = [CUSTOMERS_CREATE, ORDERS_PLACE, CUSTOMERS_GET]
CHEAP = settings(max_examples=60, deadline=None)


def reason(endpoint: Endpoint[Any, Any], payload: bytes) -> str | None:
    try:
        require_unique_names(payload, endpoint.requests.validate_json(payload))
    except ValidationError as error:
        return validation.invalid_payload(error, payload).reason
    except Invalid as fault:
        return fault.reason
    return None


def is_json(payload: bytes) -> bool:
    try:
        require_json(payload)
    except NotJsonError:
        return False
    return True


_NAMES = st.sampled_from(["product_id", "\\u0070roduct_id", "q", "a", "a\\u0000", "", ":", '\\"', "lines", "\\ud800"])
_SCALARS = st.sampled_from(
    [
        *[
            "1",
            "-0",
            "1.0",
            "1e0",
            "01",
            "+1",
            ".5",
            "1.",
            "-",
            "1e400",
            "NaN",
            "Infinity",
            "-Infinity",
            "true",
            "null",
            "nul",
        ],
        *['"x"', '"a:b"', '"\\u00e4"', '"\\ud83d\\ude00"', '"\\ude00"', '"\\x41"', '"\ufeff"', '"', "'x'"],
        '"\x1f"',
        "9" * 400,
    ]
)
_BLANKS = st.sampled_from(["", "", "", " ", "\n\t", "\r", "\u00a0", "\x0b", "\ufeff"])


def joined(kind: tuple[str, str], values: list[str], names: list[str], blank: str) -> str:
    first, last = kind
    members = (f'"{n}"{blank}:{v}' if first == "{" else v for n, v in zip(names, values, strict=False))
    return f"{first}{blank}{','.join(members)}{blank}{last}"


def inside(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    kinds = st.sampled_from([("{", "}"), ("[", "]"), ("{", "]"), ("{", ",}")])
    return st.builds(joined, kinds, st.lists(values, max_size=3), st.lists(_NAMES, min_size=3, max_size=3), _BLANKS)


_TEXTS = st.recursive(_SCALARS, inside, max_leaves=6)


@CHEAP
@given(text=_TEXTS, before=_BLANKS, behind=_BLANKS)
def test_json_is_what_the_rules_call_so(text: str, before: str, behind: str) -> None:
    payload = f"{before}{text}{behind}".encode()
    assert is_json(payload) == (reason(PRODUCTS_GET, payload) != "malformed_json")


@CHEAP
@given(data=st.data())
def test_json_with_a_byte_changed_is_what_the_rules_call_so(data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(_ENDPOINTS))
    payload = bytearray(json.dumps(golden.example(example.subject).request).encode())
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at : at + data.draw(st.integers(0, 2))] = data.draw(
        st.sampled_from([b"", b'"', b":", b"{", b"\\", b"\xff", b"0", b" "])
    )
    assert is_json(bytes(payload)) == (reason(example, bytes(payload)) != "malformed_json")


@CHEAP
@given(data=st.data())
def test_a_name_that_is_repeated_anywhere_is_found(data: st.DataObject) -> None:
    """Also where the model has as many fields as the payload has names, less the repeated one."""
    example = data.draw(st.sampled_from(_ENDPOINTS))
    text = json.dumps(golden.example(example.subject).request).replace("{product}", "1")
    starts = [at for at, character in enumerate(text) if character == "{"]
    at = data.draw(st.sampled_from(starts))
    name = text[at + 1 : text.index(":", at)]
    assert reason(example, f"{text[: at + 1]}{name}:1,{text[at + 1 :]}".encode()) == "malformed_json"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.subject)
def test_no_request_has_a_fraction_or_a_field_with_two_names(endpoint: Endpoint[Any, Any]) -> None:
    """Canonical JSON and the proof that no name is repeated rely on it."""
    assert '"type": "number"' not in json.dumps(endpoint.requests.json_schema())
    assert all(field.alias is None for field in endpoint.request.model_fields.values())
