"""An order on its way, as a client sees it: over HTTP alone."""

import asyncio

from httpx2 import AsyncClient


async def placed(http: AsyncClient, headers: dict[str, str], product_id: int, quantity: int) -> str:
    body = {"lines": [{"product_id": product_id, "quantity": quantity}]}
    answer = await http.post("/v1/orders", json=body, headers=headers)
    assert (202, "placed") == (answer.status_code, answer.json()["status"])
    return str(answer.headers["location"])


async def settled(http: AsyncClient, headers: dict[str, str], path: str) -> dict[str, object]:
    """The order, once it is placed no more."""
    while (order := (await http.get(path, headers=headers)).json())["status"] == "placed":
        await asyncio.sleep(0.01)
    return dict(order)


async def test_an_order_is_confirmed_and_its_goods_are_reserved(http: AsyncClient, user: dict[str, str]) -> None:
    before = (await http.get("/v1/products/40/stock")).json()

    order = await settled(http, user, await placed(http, user, 40, 3))

    assert "confirmed" == order["status"]
    assert before["units_reserved"] + 3 == (await http.get("/v1/products/40/stock")).json()["units_reserved"]
    history = (await http.get(f"/v1/orders/{order['order_id']}/history", headers=user)).json()
    assert ["placed", "confirmed"] == [step["status"] for step in history["steps"]]


async def test_an_order_of_too_much_is_refused_and_says_of_what(http: AsyncClient, user: dict[str, str]) -> None:
    order = await settled(http, user, await placed(http, user, 31, 1))

    assert ("refused", [{"product_id": 31, "wanted": 1, "in_stock": 0}]) == (order["status"], order["short"])


async def test_a_cancelled_order_gives_its_goods_back(http: AsyncClient, user: dict[str, str]) -> None:
    before = (await http.get("/v1/products/41/stock")).json()
    path = await placed(http, user, 41, 3)
    await settled(http, user, path)

    assert "cancelled" == (await http.post(f"{path}/cancel", headers=user)).json()["status"]

    while before != (await http.get("/v1/products/41/stock")).json():
        await asyncio.sleep(0.01)
