import re

import pytest
from httpx2 import AsyncClient


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_documentation_needs_no_internet(http: AsyncClient, path: str) -> None:
    page = await http.get(path)
    assert 200 == page.status_code
    assert [] == re.findall(r"(?:https?:)?//[\w.-]+\.\w+", page.text)
    linked = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert linked
    for asset in linked:
        assert 200 == (await http.get(asset)).status_code


async def test_the_documentation_sends_the_document_to_no_validator(http: AsyncClient) -> None:
    assert '"validatorUrl": null' in (await http.get("/docs")).text


async def test_the_document_is_served(http: AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert "Northwind mesh" == document["info"]["title"]
    assert "Problem" in document["components"]["schemas"]
