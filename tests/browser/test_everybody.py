"""Everybody can use every page: with a screen reader, in light and dark, on a phone, by the keyboard alone."""

from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from devstack.stack.stack import Stack
from tests.support.browser.console import PAGES, Console

SERIOUS = ("serious", "critical")
PHONE = {"width": 360, "height": 740}
OTHERS = ("endpoints/customers.get", "events/order/1")
"""Pages that a page of the menu leads to."""
SETTLED = {
    "map": ".box.ok",
    "requests": ".rows td",
    "endpoints": ".rows td",
    "events": "td",
    "logs": ".line",
    "doctor": "td",
}
"""What a page shows once it has its data."""
FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex='0']"


async def opened(console: Console, path: str) -> Page:
    """A page with its data."""
    page = await console.open(path)
    if path in SETTLED:
        await page.locator(SETTLED[path]).first.wait_for()
    return page


async def violations(page: Page) -> list[tuple[str, str, str]]:
    """What axe-core finds that is serious: the rule, the element, and what is wrong with it."""
    found = (await Axe().run(page)).response["violations"]
    return [
        (one["id"], str(node["target"]), node.get("failureSummary", ""))
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_on_any_page(console: Console, scheme: str) -> None:
    await console.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found = {path: await violations(await opened(console, path)) for path in (*PAGES, *OTHERS)}
    requests = await console.open("requests")
    await requests.locator(".rows a").first.click()
    await requests.locator(".waterfall summary").first.click()
    found["request"] = await violations(requests)
    await console.page.emulate_media(color_scheme="light")
    assert {} == {path: wrong for path, wrong in found.items() if wrong}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_where_one_signs_in(chromium: Browser, console: Console, scheme: str) -> None:
    context = await chromium.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = await context.new_page()
    await page.goto(console.address)
    await page.get_by_role("button", name="Sign in").wait_for()
    assert [] == await violations(page)
    await context.close()


@pytest.fixture
async def phone(chromium: Browser, stack: Stack) -> AsyncIterator[Console]:
    assert stack.state.console_url
    options = {"viewport": PHONE, "is_mobile": True, "has_touch": True}
    yield (phone := await Console.signed_in(chromium, stack.state.console_url, **options))
    await phone.close()


async def test_no_page_scrolls_sideways_on_a_phone(phone: Console) -> None:
    widths = {}
    for path in (*PAGES, *OTHERS):
        page = await opened(phone, path)
        widths[path] = await page.evaluate("document.documentElement.scrollWidth")
    assert dict.fromkeys(widths, PHONE["width"]) == widths


async def test_the_whole_map_is_on_the_screen_of_a_phone(phone: Console) -> None:
    page = await opened(phone, "map")
    edges = await page.evaluate(
        """() => [...document.querySelectorAll(".box")].flatMap(box => {
            const at = box.getBoundingClientRect();
            return [at.left, at.right];
        })"""
    )
    assert len(edges) > 2 * len(PAGES)
    assert min(edges) >= 0
    assert max(edges) <= PHONE["width"]


async def test_the_keyboard_alone_reaches_everything_and_shows_where_it_is(console: Console) -> None:
    for path in PAGES:
        page = await opened(console, path)
        unreached = await page.evaluate(
            """wanted => {
                window.visited = new Set();
                document.activeElement.blur();
                const can = one => one.checkVisibility() && !one.disabled;
                return [...document.querySelectorAll(wanted)].filter(can).length;
            }""",
            FOCUSABLE,
        )
        hidden = []
        for _ in range(min(unreached, 60) + 2):
            await page.keyboard.press("Tab")
            hidden += await page.evaluate(
                """() => {
                    const at = document.activeElement;
                    if (at === document.body) return [];
                    window.visited.add(at);
                    const style = getComputedStyle(at), inner = getComputedStyle(at.querySelector("rect") ?? at);
                    const seen = style.outlineStyle !== "none" || parseFloat(inner.strokeWidth) > 2;
                    return seen ? [] : [at.outerHTML.slice(0, 120)];
                }"""
            )
        assert [] == hidden, path
        reached = await page.evaluate("window.visited.size")
        assert reached >= min(unreached, 60) - 1, path


async def test_a_digit_opens_a_page_and_a_slash_its_search(console: Console) -> None:
    page = await console.open("map")
    await page.keyboard.press("2")
    await page.get_by_role("heading", name="Requests", level=1).wait_for()
    await page.keyboard.press("/")
    assert "search" == await page.evaluate("document.activeElement.type")
    await page.locator("main").focus()
    await page.keyboard.press("7")
    await page.get_by_role("heading", name="Doctor", level=1).wait_for()
