"""What a user is told, as `mesh up` runs it: from the registration over the event to the mail."""

import asyncio
import json
from typing import Any

from httpx2 import AsyncClient

from devstack.stack.stack import Stack
from mesh.nats.transport import NatsTransport
from ops.mailbox import Mailbox
from tests.support.http.mails import mailed_token
from tests.support.http.people import bearer, log_in, register


async def sent(http: AsyncClient, headers: dict[str, str], count: int) -> list[dict[str, Any]]:
    """The notifications of a user, once so many are sent."""
    while True:
        items: list[dict[str, Any]] = (await http.get("/v1/notifications", headers=headers)).json()["items"]
        if sum(one["status"] == "sent" for one in items) == count:
            return items
        await asyncio.sleep(0.05)


async def deliveries(operator: NatsTransport) -> dict[str, dict[str, Any]]:
    """What the service has delivered, by channel."""
    document = json.loads((await operator.request("$SRV.STATS.notifications", b"", {}, 5)).payload)
    found: dict[str, dict[str, Any]] = document["data"]["deliveries"]
    return found


async def test_a_new_user_and_their_order_are_told_by_mail(
    http: AsyncClient, stack: Stack, operator: NatsTransport
) -> None:
    before = await deliveries(operator)
    email, password = await register(http)
    headers = bearer(await log_in(http, email, password))
    placed = await http.post("/v1/orders", headers=headers, json={"lines": [{"product_id": 3, "quantity": 1}]})
    order_id = placed.json()["order_id"]
    told = await sent(http, headers, 3)

    assert 3 <= (await deliveries(operator))["email"]["sent"] - before["email"]["sent"]
    assert {"account_created", "order_placed", "order_confirmed"} == {one["kind"] for one in told}
    mailbox = Mailbox(stack.state.home)
    mails = [mail for number in mailbox.numbers() if (mail := mailbox.read(number)) and mail.recipients == email]
    assert {
        "Your account",
        f"We received your order {order_id}",
        f"Your order {order_id} is confirmed",
    } == {str(mail.message["Subject"]) for mail in mails}


async def test_a_webhook_is_shown_without_its_secret_and_deleted(http: AsyncClient) -> None:
    headers = bearer(await log_in(http, *await register(http)))
    url = "https://shop.example/northwind"
    made = await http.put("/v1/notifications/webhook", headers=headers, json={"url": url})
    shown = await http.get("/v1/notifications/webhook", headers=headers)

    assert (200, "no-store") == (made.status_code, made.headers["Cache-Control"])
    assert made.json() == {**shown.json(), "secret": made.json()["secret"]}
    assert 204 == (await http.delete("/v1/notifications/webhook", headers=headers)).status_code
    assert 404 == (await http.get("/v1/notifications/webhook", headers=headers)).status_code


async def test_a_webhook_within_the_network_is_refused(http: AsyncClient) -> None:
    headers = bearer(await log_in(http, *await register(http)))
    for url in ("http://shop.example/", "https://169.254.169.254/latest", "https://[::1]/"):
        refused = await http.put("/v1/notifications/webhook", headers=headers, json={"url": url})
        assert 422 == refused.status_code
        assert ["invalid_webhook_url"] == [error["reason"] for error in refused.json()["errors"]]


async def test_a_token_goes_by_mail_though_there_is_a_webhook_and_no_list_shows_it(
    http: AsyncClient, stack: Stack
) -> None:
    email, password = await register(http)
    headers = bearer(await log_in(http, email, password))
    await http.put("/v1/notifications/webhook", headers=headers, json={"url": "https://shop.example/northwind"})
    assert 204 == (await http.post("/v1/auth/password/reset", json={"email": email})).status_code

    assert await mailed_token(Mailbox(stack.state.home), email)
    listed = (await http.get("/v1/notifications", headers=headers)).json()["items"]
    assert {"account_created"} >= {one["kind"] for one in listed}
