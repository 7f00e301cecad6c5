"""Looks at an incident in the console, and takes the pictures of docs/guides/incidents.md."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Page

from tests.support.browser.console import CHROMIUM, Console, started
from tests.support.paths import ROOT

PICTURES: Final = ROOT / "docs" / "images"
KEEPS: Final = bool(os.environ.get("MESH_PICTURES"))
"""Whether the pictures replace those of the docs."""
MOST_BYTES: Final = 150 * 1024
"""Of a picture in the docs."""
_SIZE: Final = {"width": 1180, "height": 640}


class Camera:
    """A browser that has signed in to the console; on a machine without a browser, nothing."""

    def __init__(self, console: Console | None) -> None:
        self._console = console

    async def take(
        self,
        incident: str,
        path: str,
        look: Callable[[Page], Awaitable[None]],
        cause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Open a page of the console, wait until `look` sees the incident there, and take the picture.

        `cause` is called once the page is open, or at once without a browser.
        """
        if self._console is None:
            await (cause or _nothing)()
            return
        await self._console.page.goto("about:blank")  # the filters of the last visit are gone
        page = await self._console.open(path)
        await (cause or _nothing)()
        await look(page)
        taken = await page.screenshot(animations="disabled")
        if KEEPS:
            (PICTURES / f"incident-{incident}.png").write_bytes(taken)
        assert [] == self._console.errors


async def _nothing() -> None:
    """Cause nothing."""


@asynccontextmanager
async def camera_at(url: str) -> AsyncIterator[Camera]:
    """A camera in front of the console with this link."""
    if CHROMIUM is None:
        assert not KEEPS, "no Chromium on this machine: apt-get install chromium"
        yield Camera(None)
        return
    async with started(CHROMIUM) as browser:
        console = await Console.signed_in(browser, url, viewport=_SIZE, color_scheme="light")
        yield Camera(console)
        await console.close()
