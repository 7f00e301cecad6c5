"""Pages and cursors: bound to their list, filters and order, and spelled in one way."""

import base64
import hashlib
from typing import Any

from conform.check import Skip, Tally, rule
from conform.kit import Kit
from conform.shapes import compact
from ops.contracts.tree import EndpointContract

_CHECKED = ("customers", "products", "orders", "shipping")
"""Services whose cursors have a checksum (W-PAGE-2)."""
_SOME = 7


def _lists(kit: Kit) -> list[EndpointContract]:
    found = [
        one
        for one in kit.endpoints
        if "cursor" in one.request["properties"] and not set(one.request.get("required", []))
    ]
    if not found:
        raise Skip("the service has no list with cursors")
    return found


def _sorted(value: Any) -> Any:  # noqa: ANN401  # any JSON
    return {name: value[name] for name in sorted(value)} if isinstance(value, dict) else value


def cursor(subject: str, request: dict[str, Any], position: list[object], sort: str | None) -> str:
    """The cursor of a position, by W-PAGE-2 to W-PAGE-4."""
    members = {name: one for name, one in request.items() if name not in {"cursor", "limit"}}
    if sort is not None:
        members.setdefault("sort", sort)
    body, scope = compact(position), compact([subject, _sorted(members)])
    data = hashlib.sha256(body + b"\n" + scope).digest()[:8] + body
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@rule("W-PAGE-1")
async def pages_join_to_the_list(kit: Kit, tally: Tally) -> None:
    """Small pages have the items of a large one, each once; the last page has no cursor."""
    for endpoint in _lists(kit):
        whole = (await kit.ask(endpoint, {"limit": 4 * _SOME})).body
        items, after = list[object](), None
        for _ in range(4):
            request = {"limit": _SOME, **({"cursor": after} if after else {})}
            page = (await kit.ask(endpoint, request)).body or {}
            items += page.get("items", [])
            after = page.get("next_cursor")
            if after is None:
                break
        expected = (whole or {}).get("items", [])
        tally.expect(items == expected, f"{endpoint.subject}: the pages differ from the list")


@rule("W-PAGE-3")
async def cursors_have_one_spelling(kit: Kit, tally: Tally) -> None:
    """`next_cursor` is the cursor that the rules compute for a list by id."""
    if kit.options.service not in _CHECKED:
        raise Skip("cursors of this service have no checksum")
    for endpoint in _lists(kit):
        sort = endpoint.request["properties"].get("sort", {}).get("default")
        page = (await kit.ask(endpoint, {"limit": 1})).body or {}
        items, found = page.get("items") or [], page.get("next_cursor")
        name = (
            str(sort).lstrip("-") if sort else next(iter(endpoint.reply["properties"]["items"]["items"]["properties"]))
        )
        if found is None or not items or name not in items[0]:
            tally.skip(f"{endpoint.subject}: fewer than two rows, or not sorted by a member")
            continue
        expected = cursor(endpoint.subject, {}, [items[0][name]], sort)
        tally.expect(found == expected, f"{endpoint.subject}: {found}, not {expected}")


@rule("W-PAGE-4")
async def vectors_of_cursors(kit: Kit, tally: Tally) -> None:
    """Each cursor of cursors.json is read by its list, and each refused one is `invalid_cursor`."""
    for case in kit.material.cases("cursors"):
        if endpoint := kit.endpoint(case["subject"]):
            reply = await kit.ask(endpoint, {**case["request"], "cursor": case["cursor"]})
            tally.expect(reply.ok, f"{case['why']}: {reply.said}")
    for case in kit.material.cases("cursors", "refused"):
        if endpoint := kit.endpoint(case["subject"]):
            reply = await kit.ask(endpoint, {**case["request"], "cursor": case["cursor"]})
            right = reply.reason == "invalid_cursor" and reply.fields == ["cursor"]
            tally.expect(right, f"{case['why']}: {reply.said} {reply.fields}")


@rule("W-PAGE-5")
async def cursors_belong_to_filters(kit: Kit, tally: Tally) -> None:
    """A cursor is `invalid_cursor` with another filter or another order."""
    if kit.options.service not in _CHECKED:
        raise Skip("cursors of this service have no checksum")
    for endpoint in _lists(kit):
        found = ((await kit.ask(endpoint, {"limit": 1})).body or {}).get("next_cursor")
        if found is None:
            tally.skip(f"{endpoint.subject}: fewer than two rows")
            continue
        properties = endpoint.request["properties"]
        default = properties.get("sort", {}).get("default")
        # an order by several fields is a pattern, and the reverse of the usual one fits it too
        named = properties.get("sort", {}).get("enum", [f"-{default}"] if default else [])
        others = [*[{"sort": one} for one in named if one != default][:2], *([{"q": "a"}] if "q" in properties else [])]
        for other in others:
            reply = await kit.ask(endpoint, {**other, "limit": 1, "cursor": found})
            tally.expect(reply.reason == "invalid_cursor", f"{endpoint.subject} {other}: {reply.said}")
