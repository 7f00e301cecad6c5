import pytest
from httpx2 import AsyncClient

from mesh.core.errors import Conflict, NotFound
from subjects import SHIPPING_DELIVER, SHIPPING_DISPATCH, SHIPPING_GET, SHIPPING_LIST
from tests.support.gateway.resources import SHIPMENT
from tests.support.gateway.world import World
from tests.support.http.problems import problem

SHOWN = SHIPMENT.model_dump(mode="json")


async def test_a_shipment_has_an_etag(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/shipments/1", headers=user)
    assert (200, SHOWN, '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert (SHIPPING_GET, {"shipment_id": 1}) == (world.last.endpoint, world.last.sent)
    assert 304 == (await http.get("/v1/shipments/1", headers={**user, "If-None-Match": '"3"'})).status_code


async def test_a_shipment_of_somebody_else_is_404(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.fails[SHIPPING_GET] = NotFound("shipment_not_found", "there is no shipment 1")
    problem(await http.get("/v1/shipments/1", headers=user), 404, "shipment_not_found")


async def test_every_filter_is_passed_on(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    moments = {
        "created_after": "2026-12-01T00:00:00Z",
        "created_before": "2026-12-02T00:00:00.5Z",
        "updated_after": "2026-12-01T08:30:00.250000Z",
        "updated_before": "2026-12-03T23:59:59Z",
    }
    query = {"status": "pending", "order_id": "11078", "sort": "shipment_id", "limit": "200", "cursor": "abc"}
    response = await http.get("/v1/shipments", params={**query, **moments}, headers=user)
    [item] = response.json()["items"]
    assert {name: SHOWN[name] for name in item} == item
    assert not {"lines", "ship_name"} & set(item)
    sent = {"status": "pending", "order_id": 11078, "sort": "shipment_id", "limit": 200, "cursor": "abc"}
    assert (SHIPPING_LIST, {**sent, **moments}) == (world.last.endpoint, world.last.sent)


@pytest.mark.parametrize("query", ["status=lost", "order_id=1.0", "order_id=0", "sort=user_id", "limit=201", "q=x"])
async def test_what_is_no_filter_is_422(http: AsyncClient, world: World, user: dict[str, str], query: str) -> None:
    said = problem(await http.get(f"/v1/shipments?{query}", headers=user), 422, "invalid_request")
    assert [query.partition("=")[0]] == [error.field for error in said.errors]
    assert [] == world.asked


MOVES = {"/v1/shipments/1/dispatch": SHIPPING_DISPATCH, "/v1/shipments/1/deliver": SHIPPING_DELIVER}


@pytest.mark.parametrize("path", MOVES)
async def test_a_user_moves_no_shipment(http: AsyncClient, world: World, user: dict[str, str], path: str) -> None:
    problem(await http.post(path), 401, "token_required")
    problem(await http.post(path, headers=user), 403, "role_required")
    assert [] == world.asked


@pytest.mark.parametrize("path", MOVES)
async def test_an_administrator_moves_shipments(
    http: AsyncClient, world: World, admin: dict[str, str], path: str
) -> None:
    response = await http.post(path, headers=admin)
    assert (200, SHOWN, '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert (MOVES[path], {"shipment_id": 1, "expected_version": None}) == (world.last.endpoint, world.last.sent)

    await http.post(path, headers={**admin, "If-Match": '"2"'})
    assert {"shipment_id": 1, "expected_version": 2} == world.last.sent


@pytest.mark.parametrize(
    ("reason", "status"), [("shipment_stopped", 409), ("shipment_not_dispatched", 409), ("version_mismatch", 412)]
)
async def test_a_step_that_does_not_fit_is_a_conflict(
    http: AsyncClient, world: World, admin: dict[str, str], reason: str, status: int
) -> None:
    world.fails[SHIPPING_DELIVER] = Conflict(reason, "it does not fit")
    problem(await http.post("/v1/shipments/1/deliver", headers={**admin, "If-Match": '"2"'}), status, reason)
