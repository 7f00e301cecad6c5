import json
import secrets
from typing import Any

import pytest

from mesh.core.endpoint import Access, Endpoint
from mesh.wire.names import ERROR_CODE
from subjects import ENDPOINTS
from tests.support.contract import golden
from tests.support.contract.callers import Wire
from tests.support.contract.givens import Givens
from tests.support.contract.replies import failure

every_subject = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.subject)
VERIFIED = [endpoint for endpoint in ENDPOINTS if endpoint.verified]
FOR_ADMINS = [endpoint for endpoint in ENDPOINTS if endpoint.access is Access.ADMIN]


@every_subject
async def test_an_empty_body_means_no_arguments(endpoint: Endpoint[Any, Any], wire: Wire, givens: Givens) -> None:
    token = givens.token(golden.example(endpoint.subject).account or "user")

    empty = await wire.send(endpoint.subject, b"", token, X_Request_Id="same")
    braces = await wire.send(endpoint.subject, b"{}", token, X_Request_Id="same")

    assert (braces.headers, braces.payload) == (empty.headers, empty.payload)
    assert b"" != empty.payload


@every_subject
@pytest.mark.parametrize(
    ("reason", "body"),
    [
        ("malformed_json", b"{"),
        ("malformed_json", b"ALFKI"),
        ("malformed_json", b'{"limit": 1'),
        ("malformed_json", b"[" * 1000 + b"]" * 1000),
        ("malformed_json", b'{"q": "\xff"}'),
        ("malformed_json", b'{"q": "\\ud800"}'),
        ("invalid_payload", b"null"),
        ("invalid_payload", b"[]"),
        ("invalid_payload", b'"ALFKI"'),
        ("invalid_payload", b'{"nobody_knows": 1}'),
        ("malformed_json", b'{"limit\\u0000": NaN}'),
        ("malformed_json", b'{"limit": 1, "limit": 1}'),
        ("invalid_payload", b'{"limit\\u0000": 1e400}'),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:12]),
)
async def test_what_is_no_payload_is_refused(
    endpoint: Endpoint[Any, Any], reason: str, body: bytes, wire: Wire, givens: Givens
) -> None:
    request_id = f"bad-{secrets.token_hex(8)}"

    reply = await wire.send(endpoint.subject, body, givens.token("admin"), X_Request_Id=request_id)

    failure(reply, request_id, 422, "invalid_argument", reason)


@pytest.mark.parametrize("token", [None, "forged", "not ours"])
@pytest.mark.parametrize("endpoint", VERIFIED, ids=lambda endpoint: endpoint.subject)
async def test_a_worker_verifies_the_token_itself(
    endpoint: Endpoint[Any, Any], token: str | None, wire: Wire, givens: Givens
) -> None:
    genuine = givens.token("admin")
    assert genuine
    presented = {None: None, "forged": f"{genuine[:-8]}AAAAAAAA", "not ours": "a.b.c"}[token]
    # Without arguments, a logout is of the session that the token speaks for.
    request = {} if endpoint.subject == "auth.logout" else golden.example(endpoint.subject).request
    body = json.dumps(await givens.fill(request)).encode()

    reply = await wire.send(endpoint.subject, body, presented, X_Request_Id="r1")

    # Where anyone may ask, a token that proves nothing is as good as none.
    reason = "token_required" if presented is None or endpoint.access is Access.ANYONE else "invalid_token"
    assert [] == failure(reply, "r1", 401, "unauthenticated", reason)


@pytest.mark.parametrize("endpoint", FOR_ADMINS, ids=lambda endpoint: endpoint.subject)
async def test_a_worker_refuses_a_user_what_is_for_administrators(
    endpoint: Endpoint[Any, Any], wire: Wire, givens: Givens
) -> None:
    body = json.dumps(await givens.fill(golden.example(endpoint.subject).request)).encode()

    reply = await wire.send(endpoint.subject, body, givens.token("user"), X_Request_Id="r1")

    assert [] == failure(reply, "r1", 403, "permission_denied", "role_required")


@every_subject
async def test_a_request_whose_time_is_up_is_not_begun(endpoint: Endpoint[Any, Any], wire: Wire) -> None:
    reply = await wire.send(endpoint.subject, b"{}", X_Request_Id="late", Request_Deadline="1000")

    assert [] == failure(reply, "late", 504, "deadline_exceeded", "deadline_exceeded")


@every_subject
async def test_headers_are_read_without_regard_to_case(endpoint: Endpoint[Any, Any], wire: Wire) -> None:
    reply = await wire.send(endpoint.subject, b"{}", x_request_ID="whatever", REQUEST_timeout="soon")

    assert ["Request-Timeout"] == failure(reply, "whatever", 422, "invalid_argument", "invalid_header")


async def test_a_request_id_that_could_not_be_logged_is_replaced(wire: Wire) -> None:
    reply = await wire.send("customers.get", b'{"customer_id": "ALFKI"}', X_Request_Id="two words")

    assert "two words" != reply.headers["X-Request-Id"]
    assert ERROR_CODE not in reply.headers
