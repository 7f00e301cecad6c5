"""Looks at an incident in the console, and takes the pictures of docs/guides/incidents.md."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
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
    """A browser that has signed in to the console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @asynccontextmanager
    async def at(self, path: str) -> AsyncIterator[Page]:
        """A page of the console, opened anew: the filters of the last visit are gone."""
        await self._console.page.goto("about:blank")
        page = await self._console.open(path)
        yield page
        assert [] == self._console.errors

    async def take(self, incident: str) -> None:
        """Take the picture of the page."""
        taken = await self._console.page.screenshot(animations="disabled")
        if KEEPS:
            (PICTURES / f"incident-{incident}.png").write_bytes(taken)


@asynccontextmanager
async def camera_at(url: str) -> AsyncIterator[Camera]:
    """A camera in front of the console with this link. Skips the test on a machine without a browser."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    async with started(CHROMIUM) as browser:
        console = await Console.signed_in(browser, url, viewport=_SIZE, color_scheme="light")
        yield Camera(console)
        await console.close()
