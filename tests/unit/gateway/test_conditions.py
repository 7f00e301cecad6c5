import pytest
from httpx2 import AsyncClient

from gateway.conditions import optional_version
from tests.unit.gateway.problems import problem


@pytest.mark.parametrize("if_none_match", ['"3"', 'W/"3"', '"2", "3"', '"a,b", W/"3"', "*"])
@pytest.mark.parametrize("path", ["/v1/customers/ALFKI", "/v1/products/1"])
async def test_a_version_that_the_client_has_is_304(
    http: AsyncClient, user: dict[str, str], path: str, if_none_match: str
) -> None:
    response = await http.get(path, headers={**user, "If-None-Match": if_none_match})
    assert (304, b"", '"3"') == (response.status_code, response.content, response.headers["etag"])


@pytest.mark.parametrize("if_none_match", ['"2"', '"33"', "3", '"', ""])
async def test_a_version_that_the_client_does_not_have_is_sent(http: AsyncClient, if_none_match: str) -> None:
    response = await http.get("/v1/products/1", headers={"If-None-Match": if_none_match})
    assert 200 == response.status_code


@pytest.mark.parametrize("if_match", ['W/"3"', '"03"', '"0"', '"abc"', '""', '"9999999999"', '"-1"'])
async def test_a_tag_that_cannot_be_current_is_412(http: AsyncClient, admin: dict[str, str], if_match: str) -> None:
    for method, path, body in (
        ("PATCH", "/v1/customers/ALFKI", {"city": "Potsdam"}),
        ("PATCH", "/v1/products/1", {"reorder_level": 1}),
        ("DELETE", "/v1/customers/ALFKI", None),
        ("POST", "/v1/products/1/discontinue", None),
    ):
        response = await http.request(method, path, json=body, headers={**admin, "If-Match": if_match})
        problem(response, 412, "version_mismatch")


@pytest.mark.parametrize("if_match", ["3", "", '"3', '"3", "4"', "x y"])
async def test_what_is_no_tag_is_422(http: AsyncClient, admin: dict[str, str], if_match: str) -> None:
    response = await http.patch("/v1/products/1", json={"reorder_level": 1}, headers={**admin, "If-Match": if_match})
    said = problem(response, 422, "invalid_etag")
    assert ["If-Match"] == [error.field for error in said.errors]


async def test_whichever_version_is_none_that_a_change_could_be_meant_for(
    http: AsyncClient, admin: dict[str, str]
) -> None:
    response = await http.patch("/v1/products/1", json={"reorder_level": 1}, headers={**admin, "If-Match": "*"})
    problem(response, 428, "if_match_required")


def test_a_tag_may_stand_between_spaces() -> None:
    assert 3 == optional_version(' "3" ')
