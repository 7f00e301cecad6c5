"""A list read to its end over HTTP."""

from typing import Any

from httpx2 import AsyncClient

Item = dict[str, Any]


async def every(http: AsyncClient, path: str, headers: dict[str, str], **query: object) -> list[Item]:
    """All items, page after page."""
    items: list[Item] = []
    cursor: str | None = None
    while True:
        given = {name: str(value) for name, value in query.items()} | ({"cursor": cursor} if cursor else {})
        response = await http.get(path, params=given, headers=headers)
        assert 200 == response.status_code, response.text
        page = response.json()
        assert {"items", "next_cursor"} == page.keys()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
