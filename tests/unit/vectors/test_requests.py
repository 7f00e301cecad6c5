"""What is read of a request is what the vectors say: JSON, headers, request ids, deadlines, tokens."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.auth import Jwks
from mesh.core.context import request_id_from
from mesh.core.errors import Fault, Invalid, Unauthenticated
from mesh.security.settings import TokenSettings
from mesh.security.verifier import Verifier
from mesh.wire import request_headers, validation
from mesh.wire.headers import decode
from mesh.wire.json_text import require_unique_names
from subjects import ENDPOINTS
from tests.support.contract.vectors import cases, raw, vectors, why

Case = dict[str, Any]
BY_SUBJECT = {endpoint.subject: endpoint for endpoint in ENDPOINTS}


def said_of(subject: str, payload: bytes) -> Invalid | None:
    body = payload or b"{}"
    try:
        require_unique_names(body, BY_SUBJECT[subject].requests.validate_json(body))
    except ValidationError as error:
        return validation.invalid_payload(error, body)
    except Invalid as fault:
        return fault
    return None


@pytest.mark.parametrize("case", cases("json"), ids=why)
def test_a_payload_is_read_as_its_vector_says(case: Case) -> None:
    fault = said_of(case["subject"], raw(case, "payload"))

    assert case["reason"] == (fault and fault.reason)
    assert case["errors"] == [[one.field, one.reason] for one in (fault.errors if fault else ())]


@pytest.mark.parametrize("case", cases("headers"), ids=why)
def test_headers_are_read_as_their_vector_says(case: Case) -> None:
    if case["headers"] is None:
        with pytest.raises(ValueError, match="header"):
            decode(raw(case, "block"))
    else:
        assert case["headers"] == decode(raw(case, "block"))


@pytest.mark.parametrize("case", cases("request_ids"), ids=why)
def test_a_request_id_is_kept_or_replaced_as_its_vector_says(case: Case) -> None:
    taken = request_id_from(case["id"])

    assert case["kept"] == (taken == case["id"])
    assert case["kept"] or (len(taken) == 32 and set(taken) <= set("0123456789abcdef"))


@pytest.mark.parametrize("case", cases("deadlines"), ids=why)
def test_a_deadline_is_as_its_vector_says(case: Case) -> None:
    timeout, now, waited = (case[name] / 1000 for name in ("timeout_ms", "now_ms", "waited_ms"))

    def left() -> float:
        return request_headers.deadline(case["headers"], timeout, 0.0, lambda _: waited, lambda: now)

    if case["left_ms"] is None:
        with pytest.raises(Fault) as refused:
            left()
        assert "invalid_header" == refused.value.reason
    else:
        assert case["left_ms"] == round(left() * 1000)


@pytest.mark.parametrize("case", cases("tokens"), ids=why)
async def test_a_token_is_verified_as_its_vector_says(case: Case) -> None:
    async def fetch() -> Jwks:
        return Jwks.model_validate({"keys": [vectors("tokens")["key"]]})

    verifier = Verifier(TokenSettings(), fetch)
    if case["reason"] is not None:
        with pytest.raises(Unauthenticated) as refused:
            await verifier.verify(case["authorization"])
        assert case["reason"] == refused.value.reason
    else:
        caller = await verifier.verify(case["authorization"])
        assert case["caller"] == {"sub": caller.user_id, "sid": caller.session_id, "roles": sorted(caller.roles)}
