"""Rows: versions, lists of ids, and folds by which texts are found and sorted."""

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import permutations
from typing import Any

from conform.check import Skip, Tally, rule
from conform.folding import Folding
from conform.kit import Kit
from conform.writes import Write, writes
from ops.contracts.tree import EndpointContract

_PREFIX = 160
_MOST_PAGES = 20
"""Of 200 rows, which are counted to check a total."""
_NUMBERS = {"unit_price", "total"}
"""Amounts are texts, and sorted as numbers."""


@rule("W-ROW-1")
async def versions_count_changes(kit: Kit, tally: Tally) -> None:
    """A row begins with version 1, each change adds one, and another version is `version_mismatch`."""
    write, update = writes(kit), kit.endpoint(f"{kit.options.service}.update")
    if update is None:
        raise Skip("the service has no update")
    row = await _made(kit, write)
    tally.expect(row.get("version") == 1, f"a new row has the version {row.get('version')}")
    change = _change(write, row)
    changed = await kit.ask(update, change)
    tally.expect((changed.body or {}).get("version") == 2, f"a changed row: {changed.said}")  # noqa: PLR2004
    again = await kit.ask(update, change)
    tally.expect(again.reason == "version_mismatch", f"the old version: {again.said}")


@rule("W-ROW-3")
async def many_are_answered_once_each(kit: Kit, tally: Tally) -> None:
    """`get_many` answers each id once, in the order of the request, or names it as missing."""
    many, list_ = kit.endpoint(f"{kit.options.service}.get_many"), kit.endpoint(f"{kit.options.service}.list")
    if many is None or list_ is None:
        raise Skip("the service has no get_many")
    [name] = many.request["required"]
    key = name.removesuffix("s")
    ids = [one[key] for one in ((await kit.ask(list_, {"limit": 5})).body or {}).get("items", [])][::-1]
    absent = kit.keys.customer() if ids and isinstance(ids[0], str) else 2**31 - 1
    reply = await kit.ask(many, {name: [*ids, absent, *ids]})
    body = reply.body or {}
    got = [one.get(key) for one in body.get("items", [])]
    tally.expect(got == ids, f"{many.subject}: {got}, not {ids}")
    tally.expect(body.get("missing") == [absent], f"{many.subject}: missing is {body.get('missing')}")


@rule("W-FOLD-2")
async def folds_are_found(kit: Kit, tally: Tally) -> None:
    """A row is found by the fold of its text, for each text of folding.json."""
    write, list_ = writes(kit), kit.endpoint(f"{kit.options.service}.list")
    if list_ is None or "q" not in list_.request["properties"]:
        raise Skip("the service has no list with `q`")
    for case in kit.material.cases("folding"):
        if not case["folded"]:
            continue
        mark = f"q{kit.keys.number()}"
        request = {**await kit.givens.fill(write.request), write.text: f"{mark} {case['text']}"[:40]}
        made = await kit.ask(write.create, request, account=write.account)
        if not made.ok:
            tally.expect(False, f"{case['why']}: {made.said}")  # noqa: FBT003  # a fault
            continue
        searched = f"{mark} {case['folded']}".strip()[:40]
        found = ((await kit.ask(list_, {"q": searched})).body or {}).get("items", [])
        keys = [one.get(write.key) for one in found]
        tally.expect(made.body[write.key] in keys, f"{case['why']}: {searched!r} does not find it")


@rule("W-ROW-5")
async def lists_are_sorted_by_folds(kit: Kit, tally: Tally) -> None:
    """A list by a text is in the order of its fold, by code points, and then of the id."""
    list_, folding = kit.endpoint(f"{kit.options.service}.list"), Folding(kit.material.vectors)
    if list_ is None or "sort" not in list_.request["properties"]:
        raise Skip("the service has no list with an order")
    key = next(iter(_members(list_)))
    for name in _fields(list_):
        if name == key or name in _NUMBERS or "string" not in str(_members(list_)[name].get("type")):
            continue
        for sort in (name, f"-{name}"):
            items = ((await kit.ask(list_, {"sort": sort, "limit": 200})).body or {}).get("items", [])
            order = [(folding.fold(one.get(name) or "")[:_PREFIX], one[key]) for one in items]
            tally.expect(order == sorted(order, reverse=sort != name), f"{list_.subject}: not sorted by {sort}")


@rule("W-ROW-9")
async def lists_are_sorted_by_several_fields(kit: Kit, tally: Tally) -> None:
    """A later field decides where the earlier ones are equal, and then the id. No field may be named twice."""
    list_, folding = kit.endpoint(f"{kit.options.service}.list"), Folding(kit.material.vectors)
    if list_ is None or "pattern" not in list_.request["properties"].get("sort", {}):
        raise Skip("the service has no list by several fields")
    key = next(iter(_members(list_)))

    def place(row: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401  # whatever sorts
        value = row[name]
        if name in _NUMBERS:
            return Decimal(value or 0)
        return value if name == key or isinstance(value, int) else folding.fold(value or "")[:_PREFIX]

    for one, two in permutations([name for name in _fields(list_) if name != key], 2):
        rows = ((await kit.ask(list_, {"sort": f"-{one},{two}", "limit": 200})).body or {}).get("items", [])
        expected = sorted(rows, key=lambda row: (place(row, two), place(row, key)))  # it is called at once
        expected.sort(key=lambda row: place(row, one), reverse=True)
        tally.expect(rows == expected, f"{list_.subject}: not sorted by -{one},{two}")
        twice = await kit.ask(list_, {"sort": f"{one},-{one}"})
        tally.expect(twice.reason == "invalid_payload", f"{list_.subject}: {one} twice: {twice.said}")


@rule("W-ROW-10")
async def totals_count_all_pages(kit: Kit, tally: Tally) -> None:
    """`total` is the number of rows on all pages if `count` is true, and null otherwise."""
    list_ = kit.endpoint(f"{kit.options.service}.list")
    if list_ is None or "count" not in list_.request["properties"]:
        raise Skip("the service has no list with totals")
    tally.expect((await kit.ask(list_)).body.get("total", 0) is None, f"{list_.subject}: a total that nobody asked for")
    before = (await kit.ask(list_, {"count": True, "limit": 1})).body or {}
    rows, request = 0, dict[str, object](limit=200)
    for _ in range(_MOST_PAGES):
        page = (await kit.ask(list_, request)).body or {}
        rows += len(page.get("items", []))
        if page.get("next_cursor") is None:
            break
        request["cursor"] = page["next_cursor"]
    else:
        raise Skip(f"the list has more than {rows} rows")
    after = (await kit.ask(list_, {"count": True, "limit": 1})).body or {}
    if before.get("total_estimated"):
        raise Skip("the total is an estimate")
    low, high = before.get("total", -1), after.get("total", -1)  # others may add rows meanwhile
    tally.expect(low <= rows <= high, f"{list_.subject}: {rows} rows, and totals of {low} and {high}")


@rule("W-ROW-11")
async def dates_change_with_versions(kit: Kit, tally: Tally) -> None:
    """A change sets `updated_at`, and lists select rows by it: from a moment on, or before it."""
    write, update, list_ = writes(kit), kit.endpoint(f"{kit.options.service}.update"), _list_by_dates(kit)
    if update is None:
        raise Skip("the service has no update")
    row = await _made(kit, write)
    made, key = row.get("created_at"), row.get(write.key)
    tally.expect(
        made is not None and made == row.get("updated_at"), f"a new row has {made} and {row.get('updated_at')}"
    )
    changed = (await kit.ask(update, _change(write, row))).body or {}
    at = changed.get("updated_at")
    tally.expect((changed.get("created_at"), at) != (made, made), "a change set no `updated_at`")
    for bound, wanted in (("updated_after", True), ("updated_before", False)):
        request = {bound: at, "created_after": made, "limit": 200}
        found = ((await kit.ask(list_, request)).body or {}).get("items", [])
        shown = key in [one.get(write.key) for one in found]
        tally.expect(shown is wanted, f"{list_.subject}: {bound} the row's own moment, and the row is shown: {shown}")


@rule("W-ROW-12")
async def imports_change_no_date(kit: Kit, tally: Tally) -> None:
    """An imported row with another `created_at` is refused, and names the field."""
    import_, write = kit.endpoint(f"{kit.options.service}.import_rows"), writes(kit)
    if import_ is None:
        raise Skip("the service has no import")
    row = await _made(kit, write)
    other = {write.key: row.get(write.key), "created_at": "2001-02-03T04:05:06Z"}
    [told] = ((await kit.ask(import_, {"rows": [other]})).body or {}).get("rows") or [{}]
    fields = [(one.get("field"), one.get("reason")) for one in told.get("errors", [])]
    tally.expect(
        (told.get("reason"), fields) == ("invalid_payload", [("created_at", "read_only")]),
        f"{import_.subject}: another created_at: {told}",
    )


async def _made(kit: Kit, write: Write) -> dict[str, Any]:
    """A new row."""
    reply = await kit.ask(write.create, await kit.givens.fill(write.request), account=write.account)
    return reply.body or {}


def _change(write: Write, row: Mapping[str, Any]) -> dict[str, object]:
    """A request that changes the text of a new row."""
    return {write.key: row.get(write.key), "expected_version": 1, "patch": {write.text: "Changed by a test"}}


def _list_by_dates(kit: Kit) -> EndpointContract:
    list_ = kit.endpoint(f"{kit.options.service}.list")
    if list_ is None or "updated_after" not in list_.request["properties"]:
        raise Skip("the service has no list by dates")
    return list_


def _members(list_: EndpointContract) -> dict[str, Any]:
    """The schema of each member of an item."""
    found: dict[str, Any] = list_.reply["properties"]["items"]["items"]["properties"]
    return found


def _fields(list_: EndpointContract) -> list[str]:
    """The members of an item by which the list can be sorted."""
    sort = list_.request["properties"]["sort"]
    if "pattern" in sort:
        return [name for name in _members(list_) if re.search(sort["pattern"], name)]
    return [name for name in _members(list_) if name in sort["enum"]]
