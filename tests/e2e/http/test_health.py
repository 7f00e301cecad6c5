from httpx2 import AsyncClient

from subjects import ENDPOINTS


async def test_a_system_that_is_up_is_ready(http: AsyncClient) -> None:
    response = await http.get("/readyz")

    services = dict.fromkeys((endpoint.service for endpoint in ENDPOINTS), True)
    assert {"ready": True, "nats": True, "services": services, "reason": None} == response.json()
    assert (200, "no-store") == (response.status_code, response.headers["cache-control"])


async def test_the_gateway_compares_the_contracts_of_every_instance(http: AsyncClient) -> None:
    contracts = (await http.get("/readyz?verbose=1")).json()["contracts"]
    assert [] == contracts["differs"]
    assert len({endpoint.service for endpoint in ENDPOINTS}) <= contracts["compared"]


async def test_the_gateway_is_alive(http: AsyncClient) -> None:
    assert {"alive": True} == (await http.get("/healthz")).json()
