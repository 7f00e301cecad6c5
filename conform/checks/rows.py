"""Rows: versions, lists of ids, and folds by which texts are found and sorted."""

from conform.check import Skip, Tally, rule
from conform.folding import Folding
from conform.kit import Kit
from conform.writes import writes

_PREFIX = 160


@rule("W-ROW-1")
async def versions_count_changes(kit: Kit, tally: Tally) -> None:
    """A row begins with version 1, each change adds one, and another version is `version_mismatch`."""
    write, update = writes(kit), kit.endpoint(f"{kit.options.service}.update")
    if update is None:
        raise Skip("the service has no update")
    row = (await kit.ask(write.create, await kit.givens.fill(write.request), account=write.account)).body or {}
    tally.expect(row.get("version") == 1, f"a new row has the version {row.get('version')}")
    change = {write.key: row.get(write.key), "expected_version": 1, "patch": {write.text: "Changed by a test"}}
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
    items_schema = list_.reply["properties"]["items"]["items"]["properties"]
    key = next(iter(items_schema))
    for sort in list_.request["properties"]["sort"]["enum"]:
        name = sort.lstrip("-")
        if "string" not in str(items_schema.get(name, {}).get("type")) or name == key or name in _NUMBERS:
            continue
        items = ((await kit.ask(list_, {"sort": sort, "limit": 200})).body or {}).get("items", [])
        order = [(folding.fold(one.get(name) or "")[:_PREFIX], one[key]) for one in items]
        tally.expect(order == sorted(order, reverse=sort.startswith("-")), f"{list_.subject}: not sorted by {sort}")


_NUMBERS = {"unit_price", "total"}
"""Amounts are texts, and sorted as numbers."""
