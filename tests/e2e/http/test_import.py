"""Imports of customers over HTTP, on the whole mesh."""

import csv
import io
import json
from typing import Any

from httpx2 import AsyncClient, Response

from tests.support.contract.givens import MARK, free_key
from tests.support.http.problems import problem

Headers = dict[str, str]
PATH = "/v1/customers/import"
CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def lines(response: Response) -> list[dict[str, Any]]:
    assert 200 == response.status_code, response.text
    return [json.loads(line) for line in response.text.splitlines()]


async def test_what_is_exported_can_be_imported_unchanged(http: AsyncClient, admin: Headers) -> None:
    body = {"customer_id": free_key(), "company_name": f'{MARK}, "Æ" & Co\r\n\'=1+1', "phone": "+49 30 1", "fax": "'-1"}
    assert 201 == (await http.post("/v1/customers", json=body, headers=admin)).status_code

    for content_type in (CSV, NDJSON):
        accept = {"Accept": content_type["Content-Type"]}
        exported = await http.get("/v1/customers", headers={**admin, **accept})
        *rows, last = lines(await http.post(PATH, content=exported.content, headers={**admin, **content_type}))
        assert {"unchanged"} == {row["outcome"] for row in rows}
        assert (None, len(rows)) == (last["incomplete"], last["unchanged"])
        assert len(rows) > 90
        assert exported.content == (await http.get("/v1/customers", headers={**admin, **accept})).content


async def test_archived_customers_of_an_export_are_refused(http: AsyncClient, admin: Headers) -> None:
    body = {"customer_id": free_key(), "company_name": MARK}
    path = (await http.post("/v1/customers", json=body, headers=admin)).headers["location"]
    await http.delete(path, headers=admin)
    query = {"archived": "only", "q": body["customer_id"]}

    for kind in ("text/csv", "application/x-ndjson"):
        exported = await http.get("/v1/customers", params=query, headers={**admin, "Accept": kind})
        row, last = lines(await http.post(PATH, content=exported.content, headers={**admin, "Content-Type": kind}))
        assert ("refused", "customer_archived") == (row["outcome"], row["problem"]["reason"])
        assert 1 == last["refused"]


async def test_a_file_is_exported_edited_and_imported(http: AsyncClient, admin: Headers, user: Headers) -> None:
    keys = sorted(free_key() for _ in range(3))
    new = f"customer_id,company_name,city\r\n{keys[0]},{MARK},Ulm\r\n{keys[1]},{MARK},Ulm\r\n{keys[2]},,Ulm\r\n"

    dry = lines(await http.post(f"{PATH}?dry_run=true", content=new, headers={**admin, **CSV}))
    problem(await http.get(f"/v1/customers/{keys[0]}", headers=user), 404, "customer_not_found")
    real = lines(await http.post(PATH, content=new, headers={**admin, **CSV}))
    again = lines(await http.post(PATH, content=new, headers={**admin, **CSV}))

    assert ["created", "created", "refused"] == [row["outcome"] for row in real[:-1]]
    assert dry[:-1] == real[:-1]
    assert (True, False) == (dry[-1]["dry_run"], real[-1]["dry_run"])
    assert ["unchanged", "unchanged", "refused"] == [row["outcome"] for row in again[:-1]]

    text = (await http.get(f"/v1/customers?ids={keys[0]},{keys[1]}", headers={**admin, "Accept": "text/csv"})).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for row in rows:
        row["city"] = "Bonn"
    await http.patch(f"/v1/customers/{keys[1]}", json={"fax": "1"}, headers={**admin, "If-Match": '"1"'})
    edited = io.StringIO(newline="")
    writer = csv.DictWriter(edited, [*rows[0]])
    writer.writeheader()
    writer.writerows(rows)

    first, second, last = lines(await http.post(PATH, content=edited.getvalue(), headers={**admin, **CSV}))

    assert ("updated", "version_mismatch") == (first["outcome"], second["problem"]["reason"])
    assert (1, 1) == (last["updated"], last["refused"])
    history = (await http.get(f"/v1/customers/{keys[0]}/history", headers=admin)).json()["items"]
    assert [("updated", [{"field": "city", "before": "Ulm", "after": "Bonn"}]), ("created", 2)] == [
        (history[0]["action"], history[0]["changed"]),
        (history[1]["action"], len(history[1]["changed"])),
    ]


async def test_a_repetition_under_the_same_key_gets_the_same_answers(http: AsyncClient, admin: Headers) -> None:
    key = free_key()
    headers = {**admin, **NDJSON, "Idempotency-Key": f"import of {key}"}
    rows = [{"customer_id": key, "company_name": MARK}] + [{"customer_id": "ALFKI"}] * 60
    body = "\n".join(map(json.dumps, rows))

    first, second = [await http.post(PATH, content=body, headers=headers) for _ in range(2)]
    other = await http.post(PATH, content=body.replace(MARK, f"{MARK} 2"), headers=headers)

    assert ("created", first.text) == (lines(first)[0]["outcome"], second.text)
    problem(other, 409, "idempotency_key_reused")


async def test_a_name_that_nobody_may_set_is_refused(http: AsyncClient, admin: Headers, user: Headers) -> None:
    names = ("updated_at", "created_at", "search", "city_folded", "user_id", "__proto__", "expected_version")
    rows = [{"customer_id": "ALFKI", name: 1} for name in names]
    body = "\n".join(map(json.dumps, rows))

    *refused, last = lines(await http.post(PATH, content=body, headers={**admin, **NDJSON}))

    assert [[name] for name in names] == [[one["field"] for one in row["problem"]["errors"]] for row in refused]
    assert len(names) == last["refused"]
    problem(await http.post(PATH, content=body, headers={**user, **NDJSON}), 403, "role_required")


async def test_many_rows_are_imported_while_they_are_sent(http: AsyncClient, admin: Headers) -> None:
    count = 20_000
    body = "customer_id,country\n" + "ALFKI,Germany\n" * count

    *rows, last = lines(await http.post(PATH, content=body, headers={**admin, **CSV}, timeout=100))

    assert [*range(2, count + 2)] == [row["line"] for row in rows]
    assert count == last["unchanged"]
