"""Each change of a declaration is judged and told as the table says. The old version has a few subjects of ours."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

from ops.contracts.compatibility.running import Running, with_running
from ops.contracts.compatibility.snapshot import Snapshot
from ops.contracts.compatibility.subjects import subjects
from ops.contracts.document import Declared, contracts, referring

Document = dict[str, Any]
Edit = Callable[[Document], object]

UPDATE: Final = "customers.update"
PLACED: Final = "events.orders.placed"
CALLER: Final = "which breaks its caller gateway"
BESIDE: Final = "publish a new subject customers.update.v2 beside it"


def endpoint(**properties: Any) -> Edit:  # noqa: ANN401  # any JSON
    return lambda document: document["endpoints"][UPDATE].update(properties)


def shape(name: str, edit: Edit) -> Edit:
    return lambda document: edit(document["$defs"][name])


# fmt: off
# ruff: noqa: E501  # one line a case
CASES: Final[tuple[tuple[Edit, str], ...]] = (
    (lambda all_of: all_of["endpoints"].pop(UPDATE), f"{UPDATE}: the endpoint is removed, {CALLER}: keep it, or {BESIDE}"),
    (lambda all_of: all_of["endpoints"].update({"customers.new": all_of["endpoints"][UPDATE]}), "customers.new: the endpoint is new"),
    (lambda all_of: all_of["endpoints"]["customers.get"].update(access="admin"), "customers.get: access is admin, before user, which breaks its callers gateway and orders: keep the access, or publish a new subject customers.get.v2 beside it"),
    (endpoint(access="user"), f"{UPDATE}: access is user, before admin"),
    (lambda all_of: all_of["endpoints"]["customers.get"].update(verified=True), "customers.get: the worker now verifies an access token, which breaks its callers gateway and orders: take requests without one, or publish a new subject customers.get.v2 beside it"),
    (endpoint(keyed=False), f"{UPDATE}: it no longer keeps Idempotency-Keys, {CALLER}: keep it keyed, or {BESIDE}"),
    (endpoint(idempotent=True), f"{UPDATE}: it is now idempotent"),
    (lambda all_of: all_of["endpoints"]["carts.get"].update(idempotent=False), "carts.get: it is no longer idempotent, so that a retry may take effect twice, which breaks its caller gateway: keep it idempotent, or publish a new subject carts.get.v2 beside it"),
    (lambda all_of: all_of["endpoints"]["carts.get"].update(read=False), "carts.get: it is no longer a read, so that a second instance must not be asked, which breaks its caller gateway: keep it a read, or publish a new subject carts.get.v2 beside it"),
    (endpoint(max_request=100), f"{UPDATE}: requests are limited to 100 bytes, before to 16384, {CALLER}: keep the limit, or {BESIDE}"),
    (endpoint(max_request=99999), f"{UPDATE}: requests are limited to 99999 bytes, before to 16384"),
    (endpoint(max_reply=99999), f"{UPDATE}: replies may have 99999 bytes, before 8192, {CALLER}: keep the limit, or {BESIDE}"),
    (endpoint(max_reply=100), f"{UPDATE}: replies may have 100 bytes, before 8192"),
    (endpoint(timeout_ms=100), f"{UPDATE}: the timeout is 100 ms, before 5000 ms, {CALLER}: keep the limit, or {BESIDE}"),
    (endpoint(timeout_ms=9000), f"{UPDATE}: the timeout is 9000 ms, before 5000 ms"),
    (lambda all_of: all_of["endpoints"][UPDATE]["reasons"].update(too_late="conflict"), f"{UPDATE}: the reason too_late is new, and readers expect reasons that they do not know"),
    (lambda all_of: all_of["endpoints"][UPDATE]["reasons"].pop("customer_not_found"), f"{UPDATE}: the reason customer_not_found is removed"),
    (lambda all_of: all_of["endpoints"][UPDATE]["reasons"].update(customer_not_found="conflict"), f"{UPDATE}: the code of the reason customer_not_found is conflict, before not_found, {CALLER}: give a new reason, or {BESIDE}"),
    (endpoint(callers=["gateway", "orders"], contract="0"), ""),
    (shape("UpdateCustomer", lambda one: one["properties"].update(why={"type": "string"})), f"{UPDATE}: the request takes more than before"),
    (shape("UpdateCustomer", lambda one: one["required"].append("why")), f"{UPDATE}: the request now requires the new field `why`, {CALLER}: make the field optional, or {BESIDE}"),
    (lambda all_of: all_of["events"].pop(PLACED), f"{PLACED}: the event is removed, which breaks its handlers stock, carts and notifications: keep publishing it, or publish a new event {PLACED}_v2 beside it"),
    (lambda all_of: all_of["events"].update({"events.orders.lost": all_of["events"][PLACED]}), "events.orders.lost: the event is new"),
    (lambda all_of: all_of["events"][PLACED].update(durable=False), f"{PLACED}: the event is no longer durable, so that it may be missed, which breaks its handlers stock, carts and notifications: keep it durable, or publish a new event {PLACED}_v2 beside it"),
    (shape("OrderPlaced", lambda one: one["properties"].pop("user_id")), f"{PLACED}: `user_id` of the event is removed, which breaks its handlers stock, carts and notifications: keep the field, or publish a new event {PLACED}_v2 beside it"),
    (shape("RequestHeaders", lambda one: one["properties"].update(Priority={"type": "integer"})), ""),
    (shape("RequestHeaders", lambda one: one["required"].append("Authorization")), "every subject: the headers of a request now requires the field `Authorization`, which breaks every caller and reader: make the field optional, or publish a new header or field beside it"),
    (shape("ErrorHeaders", lambda one: one["required"].remove("Nats-Service-Error")), "every subject: `Nats-Service-Error` of the headers of an error may now be left out, which breaks every caller and reader: always send the field, or publish a new header or field beside it"),
    (shape("Problem", lambda one: one["properties"]["code"]["x-known-values"].append("gone")), ""),
)
# fmt: on


def snapshot(edit: Edit, declared: Declared) -> Snapshot:
    """The contracts of this checkout after an edit of contracts.json or of a shape in `$defs`."""
    document = json.loads(json.dumps({**contracts(declared), "$defs": declared.definitions}))
    edit(document)
    return Snapshot(referring(document), document["$defs"], None)


@pytest.fixture(scope="session")
def old(declared_few: Declared) -> Snapshot:
    return snapshot(lambda _: None, declared_few)


@pytest.mark.parametrize(("edit", "said"), CASES)
def test_a_change_is_told_in_one_sentence(edit: Edit, said: str, old: Snapshot, declared_few: Declared) -> None:
    found = subjects(old, snapshot(edit, declared_few))
    assert ([said] if said else []) == [one.sentence for one in found]
    assert ["which breaks" in said][: len(found)] == [one.breaks for one in found]


def test_a_shape_that_many_share_breaks_each_of_them(old: Snapshot, declared_few: Declared) -> None:
    found = subjects(old, snapshot(shape("Customer", lambda one: one["properties"].pop("city")), declared_few))
    users = ("archive", "create", "get", "get_many", "list", "restore", "update")
    assert Counter(f"customers.{name}" for name in users) == Counter(one.subject for one in found)


@pytest.mark.parametrize(
    ("subject", "beside"),
    [
        ("customers.update.v2", "customers.update.v3"),
        ("products.stock.lost", "products.stock.lost.v2"),
        ("a.b.c.d", "a.b.c.d_v2"),
        ("a.b.c.d_v9", "a.b.c.d_v10"),
        ("customers.v", "customers.v.v2"),
        ("customers.inv2", "customers.inv2.v2"),
    ],
)
def test_the_next_subject_is_one_that_subjects_py_takes(
    subject: str, beside: str, old: Snapshot, declared_few: Declared
) -> None:
    def add(document: Document) -> None:
        document["endpoints"] = {subject: {**document["endpoints"][UPDATE], "subject": subject}}

    [found] = [one for one in subjects(snapshot(add, declared_few), old) if one.subject == subject]
    assert f"keep it, or publish a new subject {beside} beside it" == found.instead


def test_hashes_tell_which_running_endpoints_differ(old: Snapshot) -> None:
    known = {subject: frozenset({one.contract}) for subject, one in old.contracts.endpoints.items()}
    assert [] == with_running(old, Running(known), is_new=True)
    changed = Running({**known, UPDATE: known[UPDATE] | {"0123456789ab"}, "customers.new": frozenset({"0"})})
    del known["carts.get"]

    ours = old.contracts.endpoints[UPDATE].contract
    differs = f"{UPDATE}: its shapes have the hash {ours}, and 0123456789ab where they run, {CALLER} unless the change is compatible: compare with the git revision that runs"
    assert [differs, "customers.new: the endpoint is new: a running instance serves it"] == [
        one.sentence for one in with_running(old, changed, is_new=True)
    ]
    assert [differs, "customers.new: the endpoint runs and is removed, which breaks its callers: keep it"] == [
        one.sentence for one in with_running(old, changed, is_new=False)
    ]
    [gone] = with_running(old, Running(known), is_new=True)
    assert ("carts.get", "no running instance serves it", True) == (gone.subject, gone.what, gone.breaks)
    [more] = with_running(old, Running(known), is_new=False)
    assert ("carts.get", False) == (more.subject, more.breaks)
