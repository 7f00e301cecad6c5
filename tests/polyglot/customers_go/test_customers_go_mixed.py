"""The customers worker in Go and the one in Python in one pool: nobody can tell which one answered."""

# ruff: noqa: RUF001  # letters that fold to others

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from contracts.customers import CustomerSort
from devstack.stack.stack import Stack
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from mesh.wire.names import ERROR_CODE
from tests.support.contract.callers import Wire
from tests.support.contract.givens import MARK, free_key
from tests.support.customers_go import instances, python_worker, served
from tests.support.polyglot import needs_go_workers

pytestmark = needs_go_workers
MOST = 200


class Both:
    """Sends a request until both workers have answered it, and compares what they say."""

    def __init__(self, wire: Wire, operator: NatsTransport, token: str) -> None:
        self._wire = wire
        self._operator = operator
        self._token = token

    async def send(self, subject: str, request: Mapping[str, object], key: str | None = None) -> Message:
        """The reply that both give, byte for byte."""
        before = await self._counts()
        body = json.dumps(request).encode()
        headers = {"X_Request_Id": "both", **({"Idempotency_Key": key} if key else {})}
        replies: list[Message] = []
        while len(replies) < MOST:
            replies += [await self._wire.send(subject, body, self._token, **headers) for _ in range(4)]
            after = await self._counts()
            if all(after[one] > count for one, count in before.items()):
                break
        assert len(replies) < MOST, "only one of them answers"
        assert {said(reply) for reply in replies} == {said(replies[0])}
        return replies[0]

    async def _counts(self) -> dict[str, int]:
        counts = {one.id: served(one) for one in await instances(self._operator, "STATS", 2)}
        assert 2 == len(counts)
        return counts


def said(reply: Message) -> tuple[object, ...]:
    """The bytes of a success. Of an error, what programs read: its texts are for people."""
    if ERROR_CODE not in reply.headers:
        return reply.payload, frozenset(reply.headers.items())
    problem = json.loads(reply.payload)
    fields = frozenset((one["field"], one["reason"]) for one in problem.pop("errors"))
    problem.pop("detail")
    return fields, frozenset(problem.items()), reply.headers[ERROR_CODE], reply.headers["Content-Type"]


@pytest.fixture(scope="module")
async def pool(stack: Stack) -> AsyncIterator[None]:
    async with python_worker(stack, LOG_LEVEL="info") as python:
        await python.said("service_started")
        yield


@pytest.fixture
def both(pool: None, wire: Wire, operator: NatsTransport, admin_token: str) -> Both:
    return Both(wire, operator, admin_token)


async def create(both: Both, **fields: str | None) -> dict[str, Any]:
    """A new customer, made once by whoever got the first of the requests."""
    new = {"customer_id": free_key(), "company_name": MARK, **fields}
    row: dict[str, Any] = json.loads((await both.send("customers.create", new, secrets.token_hex(8))).payload)
    return row


@pytest.mark.parametrize(
    "sort",
    [
        *CustomerSort,
        "country,-company_name",
        "-country,-city",
        "city,-country,customer_id",
        "-city,customer_id,country",
    ],
)
async def test_each_reads_the_cursors_of_the_other(both: Both, wire: Wire, sort: str) -> None:
    whole = json.loads((await both.send("customers.list", {"sort": sort, "limit": 200})).payload)["items"]
    paged: list[object] = []
    cursor = None
    while True:
        given = {"sort": sort, "limit": 40, **({"cursor": cursor} if cursor else {})}
        page = json.loads((await both.send("customers.list", given)).payload)
        paged += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break

    assert whole == paged


@pytest.mark.parametrize(
    "request_",
    [
        {"q": "MÜNCHEN"},
        {"q": "fred"},
        {"q": "%"},
        {"q": "a"},
        {"q": "´"},
        {"q": "  são   paulo "},
        {"country": None},
        {"region": None, "sort": "-city", "limit": 200},
        {"city": "London", "country": "UK", "sort": "company_name"},
        {"cursor": "AAAA"},
        {"sort": "name"},
        {"sort": "city,country,-city"},
        {"count": True, "country": "Germany", "q": "a", "limit": 1, "sort": "relevance"},
        {"limit": 201, "q": ""},
        {"sort": "relevance", "q": "an", "limit": 200},
        {"sort": "relevance", "archived": "true"},
        {"created_after": "2000-01-01T00:00:00Z", "limit": 200, "count": True},
        {"updated_after": "2000-01-01T00:00:00.5Z", "limit": 3, "updated_before": None},
        {"created_before": "2000-02-29T00:00:00Z", "count": True},
        {"updated_before": "2999-12-31T23:59:59.999999Z", "limit": 3, "sort": "-city"},
        {"updated_after": "2026-02-30T00:00:00Z"},
        {"created_before": "2026-12-01T00:00:00+01:00"},
    ],
    ids=json.dumps,
)
async def test_both_find_the_same(both: Both, request_: dict[str, object]) -> None:
    await both.send("customers.list", request_)


@pytest.mark.parametrize(
    "name", ["Straße Œuvre Łódź ﬁ Ⅷ ½", "한국 <&>\u2028\x7f\x01", "ᏣᎳᎩ ꭰ İstanbul ı", "Ｆｕｌｌ\u3000Ωμ ΌΣΣ"]
)
async def test_both_write_a_fold_that_the_other_finds(both: Both, name: str) -> None:
    mark = secrets.token_hex(8)
    made = [await create(both, company_name=f"{mark} {name}", city=name) for _ in range(4)]

    found = json.loads((await both.send("customers.list", {"q": f"{mark} {name.upper()}", "limit": 200})).payload)

    assert sorted(one["customer_id"] for one in made) == [one["customer_id"] for one in found["items"]]


async def test_a_key_gets_its_first_reply_from_either(both: Both) -> None:
    row = await create(both, city="Ærø", fax=None)
    key = secrets.token_hex(8)
    change = {"customer_id": row["customer_id"], "expected_version": 1, "patch": {"city": None}}

    changed = json.loads((await both.send("customers.update", change, key)).payload)
    reused = await both.send("customers.update", {**change, "expected_version": 2}, key)
    archive = {"customer_id": row["customer_id"]}
    archived = json.loads((await both.send("customers.archive", archive, secrets.token_hex(8))).payload)

    assert {**row, "city": None, "version": 2, "updated_at": changed["updated_at"]} == changed
    assert row["created_at"] == row["updated_at"] < changed["updated_at"] < archived["updated_at"]
    assert "idempotency_key_reused" == json.loads(reused.payload)["reason"]
    assert (3, True) == (archived["version"], archived["archived_at"].endswith("Z"))


async def test_both_refuse_a_row_that_changes_its_dates(both: Both) -> None:
    made = await create(both, city="Ulm")
    row = {"customer_id": made["customer_id"], "expected_version": 1, "city": "Ulm"}
    dates = {name: made[name] for name in ("created_at", "updated_at")}
    other = dict.fromkeys(dates, "2020-02-29T00:00:00Z")
    rows = [{**row, **other}, {**row, **dates, "created_at": other["created_at"]}, {**row, **dates}]

    for dry_run in (True, False):
        told = [
            json.loads((await both.send("customers.import_rows", {"rows": [one], "dry_run": dry_run})).payload)["rows"][
                0
            ]
            for one in rows
        ]
        assert [("refused", ["created_at", "updated_at"]), ("refused", ["created_at"]), ("unchanged", [])] == [
            (one["outcome"], [error["field"] for error in one["errors"]]) for one in told
        ]


async def test_a_patch_of_one_field_erases_nothing(both: Both) -> None:
    fields = ("contact_name", "contact_title", "address", "city", "region", "postal_code", "country", "phone", "fax")
    row = await create(both, **dict.fromkeys(fields, "before"))
    for name in ("company_name", *fields):
        change = {"customer_id": row["customer_id"], "expected_version": row["version"], "patch": {name: "after"}}
        changed = json.loads((await both.send("customers.update", change, secrets.token_hex(8))).payload)
        expected = {**row, name: "after", "version": row["version"] + 1, "updated_at": changed["updated_at"]}
        assert expected == changed
        row = changed


async def test_an_archived_customer_is_gone_for_both(both: Both) -> None:
    row = await create(both)
    one = {"customer_id": row["customer_id"]}
    archived = await both.send("customers.archive", {**one, "expected_version": 1}, secrets.token_hex(8))

    again = await both.send("customers.archive", {**one, "expected_version": 7})
    many = await both.send("customers.get_many", {"customer_ids": ["ALFKI", row["customer_id"], "ALFKI", "QQQQQ"]})
    refused = [
        await both.send("customers.get", one),
        await both.send("customers.update", {**one, "expected_version": 2, "patch": {"city": "Bonn"}}),
        await both.send("customers.create", {**one, "company_name": MARK}),
    ]

    assert archived.payload == again.payload
    found = json.loads(many.payload)
    assert (["ALFKI"], [row["customer_id"], "QQQQQ"]) == (
        [item["customer_id"] for item in found["items"]],
        found["missing"],
    )
    expected = ["customer_archived", "customer_archived", "customer_exists"]
    assert expected == [json.loads(reply.payload)["reason"] for reply in refused]
    assert [] == json.loads((await both.send("customers.list", {"q": row["customer_id"]})).payload)["items"]
    found = json.loads((await both.send("customers.list", {"q": row["customer_id"], "archived": "only"})).payload)[
        "items"
    ]
    assert json.loads(archived.payload) == found[0]


@pytest.mark.parametrize(
    "request_", [{}, {"country": "Germany", "region": None}, {"q": "é", "archived": "true"}, {"q": "%"}], ids=json.dumps
)
async def test_both_count_the_same(both: Both, request_: dict[str, object]) -> None:
    await both.send("customers.facets", request_)


@pytest.mark.parametrize("name", ["Straße Œuvre", "B's Beverages", "한국", "Öl"])
async def test_both_suggest_the_next_free_id(both: Both, name: str) -> None:
    made = [
        json.loads((await both.send("customers.create", {"company_name": name}, secrets.token_hex(8))).payload)
        for _ in range(3)
    ]

    assert sorted({one["customer_id"] for one in made}) == sorted(one["customer_id"] for one in made)
    assert 1 == len({one["customer_id"][:4] for one in made})


async def test_both_write_the_history_and_read_it(both: Both) -> None:
    one = {"customer_id": (await create(both, city="Bonn"))["customer_id"]}
    patch = {**one, "expected_version": 1, "patch": {"city": None, "fax": "1"}}
    await both.send("customers.update", patch, secrets.token_hex(8))
    await both.send("customers.archive", one, secrets.token_hex(8))
    restored = json.loads((await both.send("customers.restore", one, secrets.token_hex(8))).payload)
    again = json.loads((await both.send("customers.restore", {**one, "expected_version": 1})).payload)

    first = json.loads((await both.send("customers.history", {**one, "limit": 3})).payload)
    rest = json.loads(
        (await both.send("customers.history", {**one, "limit": 3, "cursor": first["next_cursor"]})).payload
    )

    assert (4, restored) == (restored["version"], again)
    items = first["items"] + rest["items"]
    assert ["restored", "archived", "updated", "created"] == [item["action"] for item in items]
    assert {"both"} == {item["request_id"] for item in items}
    assert 1 == len({item["user_id"] for item in items})
    changed = [{"field": "city", "before": "Bonn", "after": None}, {"field": "fax", "before": None, "after": "1"}]
    assert changed == items[2]["changed"]
    await both.send("customers.history", {"customer_id": "QQQQQ"})
    await both.send("customers.history", {**one, "cursor": "AAAA"})
