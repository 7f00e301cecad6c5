import csv
import io
import json
from typing import Any

import pytest
from httpx2 import AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from contracts.customers import CustomerPage
from gateway.api.customers.schemas import ListedCustomer
from gateway.reshaping.rows import Csv
from gateway.reshaping.wanted import CSV, JSON, NDJSON, preferred
from mesh.core.endpoint import Endpoint
from mesh.core.errors import Unavailable
from subjects import CUSTOMERS_GET_MANY, CUSTOMERS_LIST, PRODUCTS_LIST
from tests.support.gateway.resources import ALFKI
from tests.support.gateway.world import World

AS_CSV = {"Accept": "text/csv"}
AS_NDJSON = {"Accept": "application/x-ndjson"}


class Pages(dict[Endpoint[Any, Any], BaseModel]):
    """Replies to the list of customers: the next page to each request, and the last one to all others."""

    def __init__(self, *pages: CustomerPage | Exception) -> None:
        self._pages = [*pages]

    def get(self, key: object, default: Any = None) -> Any:  # noqa: ANN401  # as of dict
        if key is not CUSTOMERS_LIST:
            return default
        page = self._pages.pop(0) if len(self._pages) > 1 else self._pages[0]
        if isinstance(page, Exception):
            raise page
        return page


def named(*names: str, cursor: str | None = None) -> CustomerPage:
    return CustomerPage(
        items=tuple(ALFKI.model_copy(update={"company_name": one}) for one in names), next_cursor=cursor
    )


async def test_a_list_comes_whole_as_csv(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.replies = Pages(named("A", "B", cursor="bmV4dA"), named("C"))
    response = await http.get("/v1/customers?country=Germany", headers={**user, **AS_CSV})
    rows = list(csv.reader(io.StringIO(response.text)))
    assert [*ListedCustomer.model_fields] == rows[0]
    assert ["A", "B", "C"] == [row[1] for row in rows[1:]]
    assert "text/csv; charset=utf-8; header=present" == response.headers["content-type"]
    sent = [seen.sent for seen in world.asked]
    assert [{"country": "Germany", "limit": 200}, {"country": "Germany", "limit": 200, "cursor": "bmV4dA"}] == sent


async def test_a_list_comes_whole_as_ndjson(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.replies = Pages(named("A", cursor="bmV4dA"), named("B"))
    response = await http.get("/v1/customers?fields=company_name", headers={**user, **AS_NDJSON})
    assert '{"company_name":"A"}\n{"company_name":"B"}\n' == response.text


async def test_a_limit_asks_for_no_more_rows(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.replies = Pages(named("A", "B", cursor="bmV4dA"))
    response = await http.get("/v1/customers?limit=2&fields=company_name", headers={**user, **AS_CSV})
    assert "company_name\r\nA\r\nB\r\n" == response.text


@pytest.mark.parametrize("accept", [AS_CSV, AS_NDJSON])
async def test_a_list_that_stops_says_so_in_its_last_line(
    http: AsyncClient, world: World, user: dict[str, str], accept: dict[str, str]
) -> None:
    world.replies = Pages(named("A", cursor="bmV4dA"), Unavailable("database_unavailable", "no database"))
    response = await http.get("/v1/customers?fields=company_name", headers={**user, **accept})
    last = response.text.splitlines()[-1]
    assert 200 == response.status_code
    if accept is AS_CSV:
        assert "#incomplete: database_unavailable: no database" == last
    else:
        assert "database_unavailable" == json.loads(last)["problem"]["reason"]


async def test_a_list_that_cannot_begin_is_a_problem(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    assert 401 == (await http.get("/v1/customers", headers=AS_CSV)).status_code
    world.fails[CUSTOMERS_LIST] = Unavailable("database_unavailable", "no database")
    response = await http.get("/v1/customers", headers={**user, **AS_CSV})
    assert (503, "database_unavailable") == (response.status_code, response.json()["reason"])


async def test_a_cell_has_no_object(http: AsyncClient, user: dict[str, str]) -> None:
    response = await http.get("/v1/products?expand=supplier", headers={**user, **AS_CSV})
    assert (422, "expand") == (response.status_code, response.json()["errors"][0]["field"])


async def test_ids_come_as_csv_too(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/customers?ids=ALFKI&fields=customer_id", headers={**user, **AS_CSV})
    assert "customer_id\r\nALFKI\r\n" == response.text
    assert [CUSTOMERS_GET_MANY] == [seen.endpoint for seen in world.asked]


async def test_head_reads_a_single_page(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.head("/v1/customers", headers={**user, **AS_CSV})
    assert (200, True) == (response.status_code, response.headers["content-type"].startswith("text/csv"))
    assert 1 == len(world.asked)


async def test_a_single_resource_stays_json(http: AsyncClient) -> None:
    assert "application/json" == (await http.get("/v1/products/1", headers=AS_CSV)).headers["content-type"]


async def test_a_browser_gets_json(http: AsyncClient, world: World) -> None:
    response = await http.get("/v1/products", headers={"Accept": "text/html,application/json,*/*;q=0.8"})
    assert "application/json" == response.headers["content-type"]
    assert [PRODUCTS_LIST] == [seen.endpoint for seen in world.asked]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", CSV),
        ("TEXT/CSV", CSV),
        ("text/csv;q=0.5, application/json", JSON),
        ("application/json;q=0.5, text/csv", CSV),
        ("application/x-ndjson, */*;q=0.1", NDJSON),
        ("text/csv, */*", JSON),
        ("text/csv;q=0", JSON),
        ("text/csv; header=present; q=1", CSV),
        ("text/*", CSV),
        ("", JSON),
        (";;csv,/,", JSON),
    ],
)
def test_the_best_media_type_is_sent(accept: str, expected: bytes) -> None:
    assert expected == preferred(accept.encode())


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8), min_size=1))
def test_no_cell_is_a_formula_and_every_text_comes_back(texts: list[str]) -> None:
    written = Csv(["text"]).lines({"text": text} for text in texts).decode()
    cells = [row[0] if row else "" for row in csv.reader(io.StringIO(written, newline=""))]
    assert texts == [
        cell.removeprefix("'") if text and not text.startswith("'") else cell
        for cell, text in zip(cells, texts, strict=True)
    ]
    assert [] == [cell for cell in cells if cell.lstrip()[:1] in {*"=+-@"}]
