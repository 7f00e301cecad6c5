import asyncio
import json
import secrets
from typing import Any

import pytest

from conform.golden import differences
from mesh.core.endpoint import Endpoint
from mesh.core.errors import Code
from mesh.wire.names import ERROR_CODE
from subjects import ENDPOINTS
from tests.support.contract import golden
from tests.support.contract.callers import Wire
from tests.support.contract.givens import Givens
from tests.support.contract.golden import Example, Refusal
from tests.support.contract.replies import failure, success


def test_every_subject_has_a_golden_file_and_every_file_a_subject() -> None:
    assert {endpoint.subject for endpoint in ENDPOINTS} == golden.subjects()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.subject)
def test_every_declared_reason_has_an_example(endpoint: Endpoint[Any, Any]) -> None:
    own = {reason.value for reason in endpoint.reasons if Code(reason.code) is not Code.OVERLOADED}
    shown = {refusal.reason for refusal in golden.refusals() if refusal.subject == endpoint.subject}

    assert own | {"invalid_payload"} | ({"idempotency_key_reused"} if endpoint.keyed else set()) <= shown


@pytest.mark.parametrize("refusal", golden.refusals(), ids=lambda refusal: f"{refusal.subject}-{refusal.reason}")
def test_every_example_has_the_code_that_its_reason_declares(refusal: Refusal) -> None:
    [endpoint] = [one for one in ENDPOINTS if one.subject == refusal.subject]
    code = endpoint.codes.get(refusal.reason)

    assert code is not None, "not declared"
    assert (code, code.number) == (refusal.code, refusal.number)


@pytest.mark.parametrize("example", golden.examples(), ids=lambda example: example.subject)
async def test_a_reply_is_the_golden_one_field_by_field(example: Example, wire: Wire, givens: Givens) -> None:
    request_id = f"golden-{secrets.token_hex(8)}"
    request = json.dumps(await givens.fill(example.request)).encode()

    reply = await wire.send(example.subject, request, givens.token(example.account), X_Request_Id=request_id)

    assert [] == differences(await givens.fill(example.reply), success(reply, request_id))


@pytest.mark.parametrize("refusal", golden.refusals(), ids=lambda refusal: f"{refusal.subject}-{refusal.reason}")
async def test_an_error_is_the_golden_one_in_headers_and_body(refusal: Refusal, wire: Wire, givens: Givens) -> None:
    request_id = f"golden-{secrets.token_hex(8)}"
    request = json.dumps(await givens.fill(refusal.request)).encode()
    headers = {"X_Request_Id": request_id}

    token = givens.token(refusal.account)
    if refusal.after is not None:
        headers["Idempotency_Key"] = request_id
        first = json.dumps(await givens.fill(refusal.after)).encode()
        success(await wire.send(refusal.subject, first, token, **headers), request_id)
    sending = (wire.send(refusal.subject, request, token, **headers) for _ in range(refusal.at_once))

    replies = await asyncio.gather(*sending)
    reply = next((one for one in replies if one.headers.get(ERROR_CODE) == str(refusal.number)), replies[0])

    fields = failure(reply, request_id, refusal.number, refusal.code, refusal.reason)
    assert sorted(refusal.fields) == sorted(fields), "their order means nothing"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (1, True),
        (1, 1.0),
        ("1", 1),
        (None, ""),
        ({"a": 1}, {}),
        ({}, {"a": 1}),
        ([1], [1, 2]),
        ([1], [2]),
        ("<time>", "yesterday"),
        ("<row>", 0),
        ({"$matches": "a+"}, "aab"),
        ({"$each": 1}, [1, 2]),
        ({"$each": 1}, {}),
    ],
)
def test_what_differs_does_not_pass_for_equal(expected: object, actual: object) -> None:
    assert 1 == len(differences(expected, actual))
