from httpx2 import AsyncClient

from gateway.middleware.cors import CrossOrigin


async def test_a_page_of_a_configured_origin_may_use_every_method_that_a_route_has(http: AsyncClient) -> None:
    paths = (await http.get("/openapi.json")).json()["paths"]
    routed = {method.upper() for operations in paths.values() for method in operations}

    assert {*routed, "HEAD"} == {*CrossOrigin.keywords["allow_methods"]}
