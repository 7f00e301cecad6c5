"""`/asyncapi.json`: for administrators alone, with an ETag."""

from httpx2 import AsyncClient

from tests.support.gateway.tokens import bearer
from tests.support.http.problems import problem
from tests.support.paths import ROOT

DOCUMENT = (ROOT / "docs" / "contracts" / "asyncapi.json").read_bytes()
PATH = "/asyncapi.json"


async def test_an_administrator_gets_the_document_as_it_was_exported(http: AsyncClient) -> None:
    response = await http.get(PATH, headers=bearer("ADMIN"))
    assert (200, "application/json", DOCUMENT) == (
        response.status_code,
        response.headers["content-type"],
        response.content,
    )
    assert "private, no-cache" == response.headers["cache-control"]


async def test_who_has_it_already_gets_304(http: AsyncClient) -> None:
    first = await http.head(PATH, headers=bearer("ADMIN"))
    known = {**bearer("ADMIN"), "If-None-Match": first.headers["etag"]}
    response = await http.get(PATH, headers=known)
    assert (304, b"") == (response.status_code, response.content)
    assert first.headers["etag"] == response.headers["etag"]


async def test_others_are_refused_before_and_after_it_was_read(http: AsyncClient) -> None:
    for _ in range(2):
        problem(await http.get(PATH), 401, "token_required")
        problem(await http.get(PATH, headers=bearer("USER")), 403, "role_required")
        assert 200 == (await http.get(PATH, headers=bearer("ADMIN"))).status_code


async def test_a_query_is_refused_and_the_openapi_document_does_not_list_it(http: AsyncClient) -> None:
    problem(await http.get(f"{PATH}?page=2", headers=bearer("ADMIN")), 422, "invalid_request")
    assert PATH not in (await http.get("/openapi.json")).json()["paths"]
