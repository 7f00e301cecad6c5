import pytest
from httpx2 import AsyncClient

from tests.support.contract.givens import MARK
from tests.support.http.problems import problem

Headers = dict[str, str]


async def test_a_product_is_created_changed_and_discontinued(http: AsyncClient, admin: Headers) -> None:
    body = {"product_name": MARK, "unit_price": "0.1", "category_id": 1, "supplier_id": 1}

    created = await http.post("/v1/products", json=body, headers=admin)
    path = created.headers["location"]
    changed = await http.patch(path, json={"unit_price": "19.5"}, headers={**admin, "If-Match": '"1"'})
    ended = await http.post(f"{path}/discontinue", headers={**admin, "If-Match": '"2"'})
    again = await http.post(f"{path}/discontinue", headers=admin)

    assert f"/v1/products/{created.json()['product_id']}" == path
    assert ("0.10", False, 1) == tuple(created.json()[name] for name in ("unit_price", "discontinued", "version"))
    moments = [one.json()["updated_at"] for one in (created, changed, ended)]
    assert created.json()["created_at"] == moments[0] < moments[1] < moments[2]
    assert {**created.json(), "unit_price": "19.50", "version": 2, "updated_at": moments[1]} == changed.json()
    expected = {**changed.json(), "discontinued": True, "version": 3, "updated_at": moments[2]}
    assert expected == ended.json() == again.json()
    assert ['"1"', '"2"', '"3"', '"3"'] == [one.headers["etag"] for one in (created, changed, ended, again)]
    assert ended.json() == (await http.get(path)).json()


@pytest.mark.parametrize(("stored", "sent"), [("0.00", "0"), ("0.10", "0.1"), ("99999999.99", "99999999.99")])
async def test_money_is_a_decimal_text(http: AsyncClient, admin: Headers, stored: str, sent: str) -> None:
    created = await http.post("/v1/products", json={"product_name": MARK, "unit_price": sent}, headers=admin)

    assert stored == created.json()["unit_price"]


@pytest.mark.parametrize(
    "price",
    [
        18.0,
        18,
        "1.001",
        "1e2",
        "-1",
        "+1",
        " 1",
        "0007",
        "1,00",
        "NaN",
        "Infinity",
        "",
        "100000000.00",
        "\N{ARABIC-INDIC DIGIT ONE}",
        None,
        True,
    ],
)
async def test_what_is_no_money_is_refused(http: AsyncClient, admin: Headers, price: object) -> None:
    refused = await http.post("/v1/products", json={"product_name": MARK, "unit_price": price}, headers=admin)

    assert ["unit_price"] == [error.field for error in problem(refused, 422, "invalid_payload").errors]


async def test_a_product_belongs_to_what_there_is(http: AsyncClient, admin: Headers) -> None:
    body = {"product_name": MARK, "unit_price": "1"}
    change = {**admin, "If-Match": '"1"'}
    path = (await http.post("/v1/products", json=body, headers=admin)).headers["location"]

    for field, reason in (("category_id", "unknown_category"), ("supplier_id", "unknown_supplier")):
        refused = await http.post("/v1/products", json={**body, field: 2**31 - 1}, headers=admin)
        assert [field] == [error.field for error in problem(refused, 422, reason).errors]
        refused = await http.patch(path, json={field: 2**31 - 1}, headers=change)
        assert [field] == [error.field for error in problem(refused, 422, reason).errors]


async def test_a_change_of_a_product_needs_its_version(http: AsyncClient, admin: Headers) -> None:
    body = {"product_name": MARK, "unit_price": "1"}
    path = (await http.post("/v1/products", json=body, headers=admin)).headers["location"]
    stale = {**admin, "If-Match": '"7"'}

    problem(await http.patch(path, json={"unit_price": "2"}, headers=admin), 428, "if_match_required")
    problem(await http.patch(path, json={"unit_price": "2"}, headers=stale), 412, "version_mismatch")
    problem(await http.post(f"{path}/discontinue", headers=stale), 412, "version_mismatch")
    assert 304 == (await http.get(path, headers={"If-None-Match": '"1"'})).status_code


async def test_nothing_is_404(http: AsyncClient, admin: Headers) -> None:
    nothing = f"/v1/products/{2**31 - 1}"

    problem(await http.get(nothing), 404, "product_not_found")
    problem(await http.post(f"{nothing}/discontinue", headers=admin), 404, "product_not_found")
    problem(await http.get(f"/v1/suppliers/{2**31 - 1}", headers=admin), 404, "supplier_not_found")


@pytest.mark.parametrize(
    ("path", "name", "rest"),
    [
        ("/v1/categories", "category_name", {"description": "to be cleared"}),
        ("/v1/suppliers", "company_name", {"city": "Bristol", "phone": "to be cleared"}),
    ],
)
async def test_a_category_and_a_supplier_are_replaced(
    http: AsyncClient, admin: Headers, path: str, name: str, rest: dict[str, str]
) -> None:
    created = await http.post(path, json={name: MARK, **rest}, headers=admin)
    place = created.headers["location"]
    blind = await http.put(place, json={name: MARK}, headers=admin)
    replaced = await http.put(place, json={name: f"{MARK} 2"}, headers={**admin, "If-Match": '"1"'})
    stale = await http.put(place, json={name: MARK}, headers={**admin, "If-Match": '"1"'})
    partial = await http.put(place, json=rest, headers={**admin, "If-Match": '"2"'})

    problem(blind, 428, "if_match_required")
    expected = {**created.json(), **dict.fromkeys(rest), name: f"{MARK} 2", "version": 2}
    assert (200, '"2"', expected) == (replaced.status_code, replaced.headers["etag"], replaced.json())
    problem(stale, 412, "version_mismatch")
    assert [name] == [error.field for error in problem(partial, 422, "invalid_payload").errors]
    assert expected == (await http.get(place, headers=admin)).json()
