"""Which requests want no content (RFC 7240)."""

import pytest

from gateway.semantics.json_response import JsonResponse
from gateway.semantics.preferences import as_preferred

RESOURCE = [(b"etag", b'"4"'), (b"location", b"/v1/customers/ALFKI")]


@pytest.mark.parametrize(
    "prefer",
    [
        b"return=minimal",
        b"Return=Minimal",
        b' return = "minimal" ',
        b"respond-async, return=minimal",
        b"return=minimal; foo=bar",
        b"wait=1;x=y,return=minimal,return=representation",
    ],
)
@pytest.mark.parametrize(("status", "expected"), [(200, 204), (201, 201), (202, 202)])
def test_a_response_has_its_headers_alone(prefer: bytes, status: int, expected: int) -> None:
    short = as_preferred(JsonResponse(b"{}", status, RESOURCE), [(b"prefer", prefer)])
    length = [] if expected == 204 else [(b"content-length", b"0")]
    assert (expected, b"") == (short.status_code, short.body)
    assert [*length, *RESOURCE, (b"preference-applied", b"return=minimal")] == short.raw_headers


@pytest.mark.parametrize(
    "prefer",
    [b"", b"return", b"return=", b"return=minimal2", b"no-return=minimal", b"return=representation, return=minimal"],
)
def test_any_other_preference_changes_nothing(prefer: bytes) -> None:
    response = JsonResponse(b"{}", 200, RESOURCE)
    assert response is as_preferred(response, [(b"prefer", prefer)])


def test_a_preference_on_another_line_counts() -> None:
    headers = [(b"prefer", b"wait=1"), (b"prefer", b"return=minimal")]
    assert 204 == as_preferred(JsonResponse(b"{}"), headers).status_code
