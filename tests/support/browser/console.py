"""The console as a person with a browser uses it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Dialog, Page, async_playwright

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
"""The browser that this machine has: playwright downloads none."""
PATIENCE = 60_000
"""Milliseconds that a page waits for a condition, on a busy machine too."""
PAGES = ("map", "requests", "endpoints", "events", "logs", "mail", "doctor")


@asynccontextmanager
async def started(path: str) -> AsyncIterator[Browser]:
    """A running Chromium."""
    async with async_playwright() as playwright:
        # Chromium's sandbox needs rights that containers do not have. It shows the console alone.
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()


def errors_of(page: Page) -> list[str]:
    """What the page's own code and the browser complain about, from now on."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    return found


async def accept(dialog: Dialog) -> None:
    """Say yes."""
    await dialog.accept()


@dataclass
class Console:
    """A signed-in browser with one page."""

    context: BrowserContext
    page: Page
    address: str
    """The console's own, without a token."""
    errors: list[str]

    @classmethod
    async def signed_in(cls, browser: Browser, url: str, **options: Any) -> "Console":  # noqa: ANN401  # of new_context
        """Open the console by a link with a token."""
        context = await browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        page = await context.new_page()
        errors = errors_of(page)
        page.on("dialog", accept)
        await page.goto(url)
        await page.wait_for_selector(".box")
        at = urlsplit(url)
        return cls(context, page, f"{at.scheme}://{at.netloc}/", errors)

    async def open(self, path: str) -> Page:
        """Go to a page, such as `requests`."""
        await self.page.goto(f"{self.address}#/{path}")
        await self.page.wait_for_selector("h1")
        return self.page

    async def close(self) -> None:
        """End the browser's session."""
        await self.context.close()
