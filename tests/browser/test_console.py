"""What an operator does with the console: each step in a real browser, on a real mesh."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from httpx2 import AsyncClient
from playwright.async_api import Browser, Page, expect

from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.events import jetstream
from mesh.events.stored import newest, read_all
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from ops.jetstream import JetStream
from ops.streams import DEAD_STREAM, EVENT_STREAM
from services import WORKERS
from subjects import EVENTS_ORDERS_PLACED
from tests.support.browser.console import PATIENCE, Console
from tests.support.http.people import bearer, log_in, register

RED_WITHIN = 2.0
"""Seconds after which a service whose process has ended is red, on a machine that is not overloaded."""
KILLS = 3
"""Tries: on a busy machine the browser or the console may have to wait for a core."""


@asynccontextmanager
async def connected(stack: Stack, user: str) -> AsyncIterator[NatsTransport]:
    """NATS as this user."""
    seed = load_credentials(stack.state.home).nats[user]
    settings = NatsSettings.model_validate({"nats_url": stack.state.nats_url, "nats_nkey_seed": seed})
    transport = await NatsTransport.connect(settings, user)
    try:
        yield transport
    finally:
        await transport.close()


async def test_the_link_that_mesh_up_prints_signs_in_one_browser_once(chromium: Browser, stack: Stack) -> None:
    url = stack.console_url
    assert url
    first = await Console.signed_in(chromium, url)
    assert first.address == first.page.url.partition("#")[0]
    assert [] == first.errors
    await first.close()
    second = await chromium.new_context()
    page = await second.new_page()
    await page.goto(url)
    await expect(page.get_by_role("alert").first).to_contain_text("used already")
    await second.close()


async def test_the_map_shows_that_all_eight_services_are_well(console: Console) -> None:
    page = await console.open("map")
    await page.get_by_text(f"all {len(WORKERS)} services are well").wait_for()
    assert 8 == len(WORKERS)
    for worker in WORKERS:
        await expect(page.locator(f'[data-node="{worker.name}"].ok')).to_be_visible()
    await page.locator('[data-node="orders"]').press("Enter")
    await expect(page.locator(".detail").get_by_role("link", name="orders.place")).to_be_visible()


async def test_an_order_placed_on_the_page_is_watched_until_it_arrives(
    console: Console, stack: Stack, http: AsyncClient
) -> None:
    admin = await log_in(http, stack.state.admin.email, stack.state.admin.password)
    page = await console.open("endpoints/orders.place")
    await page.get_by_label("customer_id").fill("ALFKI")
    await page.get_by_label("lines").fill(json.dumps([{"product_id": 1, "quantity": 1}]))
    await page.get_by_label("Administrator's access token").fill(admin["access_token"])
    await page.get_by_role("button", name="Change …").click()
    await page.get_by_role("link", name="See the request").wait_for()
    order = json.loads(await page.locator("[role=status] pre").inner_text())
    await console.open(f"events/order/{order['order_id']}")
    for step in ("placed", "confirmed", "dispatched", "delivered"):
        await page.locator(".way li.done", has_text=step).wait_for()
    await page.get_by_role("link", name="request", exact=True).first.click()
    for service in ("orders", "stock", "shipping"):
        await page.locator(".waterfall .name b", has_text=service).first.wait_for()


async def _seconds_until_red(page: Page, stack: Stack, name: str) -> float:
    """Kill a worker and wait until its box is red. By the clock of the page, which is this machine's."""
    await page.evaluate(
        """name => { window.red = new Promise(done => new MutationObserver((_, observer) => {
            if (!document.querySelector(`[data-node="${name}"].down`)) return;
            observer.disconnect(); done(Date.now() / 1000);
        }).observe(document.querySelector(".map"), { attributes: true, subtree: true })) }""",
        name,
    )
    began = time.time()
    await stack.kill(name)
    red: float = await page.evaluate("window.red")
    return red - began


async def test_a_killed_worker_is_red_within_two_seconds_says_why_and_comes_back(
    console: Console, stack: Stack
) -> None:
    page = await console.open("map")
    box = page.locator('[data-node="customers"]')
    took: list[float] = []
    while len(took) < KILLS and (not took or min(took) > RED_WITHIN):
        await page.locator('[data-node="customers"].ok').wait_for()
        took.append(await _seconds_until_red(page, stack, "customers"))
        await expect(box).to_have_attribute("aria-label", _with_reason("customers"), timeout=PATIENCE)
        await stack.until_serving("customers")
    assert min(took) <= RED_WITHIN, took
    await page.locator('[data-node="customers"].ok').wait_for()


def _with_reason(name: str) -> re.Pattern[str]:
    """The words of a box that says which process ended and how."""
    return re.compile(rf"{name}: (down|degraded), .*(SIGKILL|signal 9|killed)")


async def test_a_failed_request_is_found_with_its_reason(console: Console, stack: Stack, http: AsyncClient) -> None:
    stack.freeze("products")
    try:
        failed = await http.get("/v1/products/1")
    finally:
        stack.thaw("products")
    assert 504 == failed.status_code, failed.text
    page = await console.open("requests")
    await page.get_by_label("Only failures").check()
    await page.locator("tr.failed", has_text="/v1/products/{product_id}").get_by_role("link").first.click()
    await expect(page.locator(".facts").first).to_contain_text(failed.headers["x-request-id"])
    await expect(page.locator(".facts .why").first).to_have_text(re.compile("deadline|unavailable|timeout"))
    await expect(page.locator(".waterfall .filled.failed").first).to_be_visible()
    await page.locator(".lines .line", has_text="504").first.wait_for()


async def test_the_pages_say_when_they_show_a_sample(console: Console, http: AsyncClient) -> None:
    page = await console.open("requests")

    async def send() -> None:
        while True:
            await http.get("/v1/products/1")

    senders = [asyncio.create_task(send()) for _ in range(8)]
    try:
        await page.get_by_text("A sample: about").wait_for()
        await console.open("map")
        await page.locator(".legend").get_by_text("A sample: about").wait_for()
    finally:
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
    await page.get_by_text("A sample: about").wait_for(state="detached")


async def _dead_letter(stack: Stack) -> None:
    """Have stock declare the newest order's event dead, as it does after its last try."""
    async with connected(stack, "operator") as operator, connected(stack, "stock") as stock:
        [*_, event] = [one async for one in read_all(operator, EVENT_STREAM, subject=EVENTS_ORDERS_PLACED.subject)]
        why = {"Dead-Reason": "bug", "Dead-Detail": "division by zero"}
        await jetstream.publish(stock, "dead.stock", event.payload, {**event.headers, "Nats-Msg-Id": "dead", **why})


async def test_a_dead_letter_is_handled_once_more(console: Console, stack: Stack, http: AsyncClient) -> None:
    user = bearer(await log_in(http, *await register(http)))
    placed = await http.post("/v1/orders", json={"lines": [{"product_id": 2, "quantity": 1}]}, headers=user)
    assert 202 == placed.status_code, placed.text
    await console.open(f"events/order/{placed.json()['order_id']}")
    await console.page.locator(".way li.done", has_text="delivered").wait_for()
    await _dead_letter(stack)
    page = await console.open("events")
    letter = page.locator("tr", has_text="bug: division by zero")
    await letter.get_by_role("button", name="Retry").click()
    await page.get_by_text("None: every event was handled.").wait_for()
    async with connected(stack, "operator") as operator:
        while (
            consumer := await JetStream(operator).consumer(EVENT_STREAM, "stock")
        ) is None or consumer.num_ack_pending:
            await asyncio.sleep(0.05)
        assert await newest(operator, DEAD_STREAM) is None


async def test_no_page_reported_an_error(console: Console) -> None:
    assert [] == console.errors
