from httpx2 import AsyncClient

from tests.e2e.http.lists import every
from tests.support.contract.givens import MARK, free_key
from tests.support.http.problems import problem

Headers = dict[str, str]


async def create(http: AsyncClient, admin: Headers) -> str:
    """Where a new customer is to be found."""
    body = {"customer_id": free_key(), "company_name": f"{MARK} & Co", "fax": "1"}
    response = await http.post("/v1/customers", json=body, headers=admin)
    assert 201 == response.status_code, response.text
    return str(response.headers["location"])


async def test_a_customer_is_created_changed_and_archived(http: AsyncClient, admin: Headers, user: Headers) -> None:
    path = await create(http, admin)
    key = path.rpartition("/")[2]

    created = await http.get(path, headers=user)
    changed = await http.patch(path, json={"city": "Ærø", "fax": None}, headers={**admin, "If-Match": '"1"'})
    seen = await http.get(path, headers=user)
    archived = await http.delete(path, headers={**admin, "If-Match": '"2"'})

    assert (f"/v1/customers/{key}", '"1"') == (path, created.headers["etag"])
    dates = {"updated_at": seen.json()["updated_at"]}
    assert {**created.json(), "city": "Ærø", "fax": None, "version": 2, **dates} == changed.json() == seen.json()
    assert created.json()["created_at"] == created.json()["updated_at"] < dates["updated_at"]
    assert '"2"' == changed.headers["etag"] == seen.headers["etag"]
    assert (204, b"") == (archived.status_code, archived.content)
    problem(await http.get(path, headers=user), 404, "customer_archived")
    assert key not in [item["customer_id"] for item in await every(http, "/v1/customers", user, q=key)]


async def test_archiving_twice_is_no_error_and_the_key_stays_taken(http: AsyncClient, admin: Headers) -> None:
    path = await create(http, admin)

    assert [204, 204] == [(await http.delete(path, headers=admin)).status_code for _ in range(2)]

    body = {"customer_id": path.rpartition("/")[2], "company_name": MARK}
    problem(await http.post("/v1/customers", json=body, headers=admin), 409, "customer_exists")
    changed = await http.patch(path, json={"city": "Bonn"}, headers={**admin, "If-Match": '"1"'})
    problem(changed, 404, "customer_archived")


async def test_an_archived_customer_is_found_restored_and_has_its_history(
    http: AsyncClient, admin: Headers, user: Headers
) -> None:
    path = await create(http, admin)
    key = path.rpartition("/")[2]
    archived = await http.delete(path, headers=admin)

    found = (await http.get("/v1/customers", params={"archived": "only", "q": key}, headers=user)).json()["items"]
    problem(await http.post(f"{path}/restore", headers=user), 403, "role_required")
    problem(await http.post(f"{path}/restore", headers={**admin, "If-Match": '"1"'}), 412, "version_mismatch")
    restored = await http.post(f"{path}/restore", headers={**admin, "If-Match": '"2"'})
    history = await http.get(f"{path}/history", headers=admin)

    assert [(key, 2)] == [(one["customer_id"], one["version"]) for one in found]
    assert found[0].pop("archived_at") is not None
    assert (200, '"3"') == (restored.status_code, restored.headers["etag"])
    assert restored.json() == {**found[0], "version": 3, "updated_at": restored.json()["updated_at"]}
    assert restored.json() == (await http.get(path, headers=user)).json()
    assert ["restored", "archived", "created"] == [one["action"] for one in history.json()["items"]]
    assert archived.headers["x-request-id"] == history.json()["items"][1]["request_id"]
    me = (await http.get("/v1/auth/me", headers=admin)).json()["user_id"]
    assert {me} == {one["user_id"] for one in history.json()["items"]}
    problem(await http.get(f"{path}/history", headers=user), 403, "role_required")


async def test_a_customer_without_an_id_gets_one(http: AsyncClient, admin: Headers) -> None:
    made = [await http.post("/v1/customers", json={"company_name": MARK}, headers=admin) for _ in range(2)]

    keys = [response.json()["customer_id"] for response in made]
    assert [201, 201] == [response.status_code for response in made]
    assert [f"/v1/customers/{key}" for key in keys] == [response.headers["location"] for response in made]
    assert ["MAD", "MAD"] == [key[:3] for key in keys]
    assert 2 == len(set(keys))


async def test_customers_are_counted_by_country_city_and_title(http: AsyncClient, user: Headers) -> None:
    facets = (await http.get("/v1/customers/facets", params={"country": "UK"}, headers=user)).json()

    assert (7, [{"value": "UK", "count": 7}]) == (facets["total"], facets["country"])
    assert [("London", 6), ("Cowes", 1)] == [(one["value"], one["count"]) for one in facets["city"]]


async def test_a_search_by_relevance_has_the_best_fit_first(http: AsyncClient, user: Headers) -> None:
    query = {"q": "bottom", "sort": "relevance"}
    found = (await http.get("/v1/customers", params=query, headers=user)).json()["items"]

    assert "BOTTM" == found[0]["customer_id"]


async def test_a_change_needs_the_version_that_it_is_meant_for(http: AsyncClient, admin: Headers) -> None:
    path = await create(http, admin)
    city = {"city": "Bonn"}

    problem(await http.patch(path, json=city, headers=admin), 428, "if_match_required")
    for stale in ('"2"', '"0"', '"999999999999"', 'W/"2"', '"other"'):
        answer = await http.patch(path, json=city, headers={**admin, "If-Match": stale})
        problem(answer, 412, "version_mismatch")
        problem(await http.delete(path, headers={**admin, "If-Match": stale}), 412, "version_mismatch")
    unquoted = await http.patch(path, json=city, headers={**admin, "If-Match": "1"})
    assert ["If-Match"] == [error.field for error in problem(unquoted, 400, "invalid_etag").errors]

    assert 1 == (await http.get(path, headers=admin)).json()["version"]


async def test_of_two_changes_to_one_version_the_second_is_412(http: AsyncClient, admin: Headers) -> None:
    path = await create(http, admin)
    first = {**admin, "If-Match": '"1"'}

    assert 200 == (await http.patch(path, json={"city": "Bonn"}, headers=first)).status_code
    problem(await http.patch(path, json={"city": "Rom"}, headers=first), 412, "version_mismatch")

    assert "Bonn" == (await http.get(path, headers=admin)).json()["city"]


async def test_who_has_the_current_version_is_spared_the_body(http: AsyncClient, admin: Headers) -> None:
    path = await create(http, admin)

    for current in ('"1"', 'W/"1"', '"7", "1"', "*"):
        response = await http.get(path, headers={**admin, "If-None-Match": current})
        named = current if current.startswith("W/") else '"1"'
        assert (304, b"", named) == (response.status_code, response.content, response.headers["etag"])
    for other in ('"2"', '"11"'):
        assert 200 == (await http.get(path, headers={**admin, "If-None-Match": other})).status_code
    problem(await http.get(path, headers={**admin, "If-None-Match": "1"}), 400, "invalid_etag")


async def test_nobody_is_404(http: AsyncClient, admin: Headers) -> None:
    path = f"/v1/customers/{free_key()}"

    problem(await http.get(path, headers=admin), 404, "customer_not_found")
    problem(await http.delete(path, headers=admin), 404, "customer_not_found")
    change = await http.patch(path, json={"city": "Bonn"}, headers={**admin, "If-Match": '"1"'})
    problem(change, 404, "customer_not_found")


async def test_any_text_comes_back_as_it_was_sent(http: AsyncClient, admin: Headers) -> None:
    path = await create(http, admin)
    name = f"{MARK} \U0001f9c0 e\u0301 \u202e \ufeff ' \" <b> ${{x}} \t\n {{}} %s"

    changed = await http.patch(path, json={"company_name": name}, headers={**admin, "If-Match": '"1"'})

    assert name == changed.json()["company_name"]
    assert name == (await http.get(path, headers=admin)).json()["company_name"]
