"""`POST /v1/customers/import`: every row has its answer, whatever the others are like."""

import json
from typing import Any

import pytest
from httpx2 import AsyncClient

from subjects import CUSTOMERS_IMPORT_ROWS
from tests.support.gateway.imports import CSV, HEADER, NDJSON, PATH, created, lines, many
from tests.support.gateway.world import World
from tests.support.http.problems import problem

Headers = dict[str, str]


@pytest.fixture(autouse=True)
def service(world: World) -> None:
    """A service that creates everything."""
    world.replies[CUSTOMERS_IMPORT_ROWS] = created


def sent(world: World) -> list[dict[str, Any]]:
    """Every row that a service was sent."""
    return [row for seen in world.asked for row in seen.sent["rows"]]


async def test_csv_is_imported_row_by_row(http: AsyncClient, world: World, admin: Headers) -> None:
    body = HEADER + 'NEWCO,"New, ""Co""",\'=1+1,,\r\nALFKI,,Bonn,3,\r\n'

    response = await http.post(PATH, content=body.encode("utf-8-sig"), headers={**admin, **CSV})

    first, second, last = lines(response)
    assert {"line": 2, "customer_id": "NEWCO", "outcome": "created", "problem": None} == first
    assert (3, None, "refused") == (second["line"], second["problem"]["detail"][:0] or None, second["outcome"])
    assert ["company_name"] == [error["field"] for error in second["problem"]["errors"]]
    totals = {"created": 1, "updated": 0, "unchanged": 0, "refused": 1, "dry_run": False, "incomplete": None}
    assert totals == last
    assert [{"customer_id": "NEWCO", "company_name": 'New, "Co"', "city": "=1+1", "expected_version": None}] == sent(
        world
    )
    assert world.last.sent["dry_run"] is False


async def test_ndjson_is_imported_row_by_row(http: AsyncClient, world: World, admin: Headers) -> None:
    rows = [{"customer_id": "NEWCO", "company_name": "'=1", "fax": None}, {"customer_id": "ALFKI", "version": 3}]
    body = "\n".join(map(json.dumps, rows))

    response = await http.post(f"{PATH}?dry_run=true", content=body, headers={**admin, **NDJSON})

    assert [(1, "created"), (2, "created")] == [(one["line"], one["outcome"]) for one in lines(response)[:-1]]
    assert (2, True) == (lines(response)[-1]["created"], lines(response)[-1]["dry_run"])
    assert [
        {"customer_id": "NEWCO", "company_name": "'=1", "fax": None, "expected_version": None},
        {"customer_id": "ALFKI", "expected_version": 3},
    ] == sent(world)
    assert world.last.sent["dry_run"] is True


def why(refused: dict[str, Any]) -> tuple[str | None, str, list[str]]:
    """The customer of a refused row, the reason, and the fields."""
    problem = refused["problem"]
    return refused["customer_id"], problem["reason"], [error["field"] for error in problem["errors"]]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("alfki,New,,,", (None, "invalid_payload", ["customer_id"])),
        ("ALFKI,New,,x,", ("ALFKI", "invalid_payload", ["version"])),
        (f"ALFKI,{'x' * 81},{'x' * 61},,", ("ALFKI", "invalid_payload", ["company_name", "city"])),
        ("ALFKI,New", (None, "invalid_payload", [])),
        ("ALFKI,New,,,,", (None, "invalid_payload", [])),
        ("ALFKI,New,,,2026-12-01T00:00:00Z", ("ALFKI", "customer_archived", [])),
        ("#incomplete: database_unavailable: no database", (None, "invalid_payload", [])),
    ],
)
async def test_a_row_of_csv_that_does_not_fit_is_refused_alone(
    http: AsyncClient, world: World, admin: Headers, row: str, expected: tuple[Any, ...]
) -> None:
    response = await http.post(PATH, content=f"{HEADER}{row}\r\nNEWCO,New,,,\r\n", headers={**admin, **CSV})

    refused, taken, last = lines(response)
    assert (2, "refused", expected) == (refused["line"], refused["outcome"], why(refused))
    assert ("created", 1, 1) == (taken["outcome"], last["created"], last["refused"])
    assert ["NEWCO"] == [one["customer_id"] for one in sent(world)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b'{"customer_id": "ALFKI", "nobody_knows": 1}', ("ALFKI", "invalid_payload", ["nobody_knows"])),
        (b'{"customer_id": "ALFKI", "city": 1}', ("ALFKI", "invalid_payload", ["city"])),
        (b'{"customer_id": "ALFKI", "company_name": null}', ("ALFKI", "invalid_payload", ["company_name"])),
        (b'{"customer_id": "ALFKI", "archived_at": "2026-12-01T00:00:00Z"}', ("ALFKI", "customer_archived", [])),
        (b'{"customer_id": "ALFKI", "city": "Ulm", "city": "Bonn"}', ("ALFKI", "malformed_json", [])),
        (b'{"problem": {"reason": "database_unavailable"}}', (None, "invalid_payload", ["customer_id", "problem"])),
        (b"[1]", (None, "invalid_payload", [""])),
        (b"{", (None, "malformed_json", [])),
        (b'{"customer_id": "\xff"}', (None, "malformed_json", [])),
    ],
)
async def test_a_line_of_ndjson_that_does_not_fit_is_refused_alone(
    http: AsyncClient, world: World, admin: Headers, row: bytes, expected: tuple[Any, ...]
) -> None:
    body = row + b'\n{"customer_id": "NEWCO", "company_name": "New"}'
    refused, taken, _ = lines(await http.post(PATH, content=body, headers={**admin, **NDJSON}))

    assert (1, expected) == (refused["line"], why(refused))
    assert (2, "created") == (taken["line"], taken["outcome"])
    assert ["NEWCO"] == [one["customer_id"] for one in sent(world)]


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("customer_id,compny_name,fix", ["compny_name", "fix"]),
        ("customer_id;company_name", ["customer_id;company_name"]),
        ("customer_id,city,city", ["city"]),
        ("company_name,city", ["customer_id"]),
        ("customer_id,city,,", ["column 3"]),
        ("", ["customer_id"]),
    ],
)
async def test_other_columns_are_refused_at_once(
    http: AsyncClient, world: World, admin: Headers, header: str, fields: list[str]
) -> None:
    response = await http.post(PATH, content=f"{header}\r\n", headers={**admin, **CSV})

    assert fields == [error.field for error in problem(response, 422, "invalid_payload").errors]
    assert [] == world.asked


async def test_csv_that_is_malformed_is_400_if_nothing_was_imported(
    http: AsyncClient, world: World, admin: Headers
) -> None:
    body = HEADER + 'NEWCO,New,,,\r\nALFKI,5" pipe,,,\r\n'

    said = problem(await http.post(PATH, content=body, headers={**admin, **CSV}), 400, "malformed_csv")

    assert said.detail.startswith("line 3: ")
    assert [] == world.asked


async def test_a_row_that_is_too_long_is_413(http: AsyncClient, world: World, admin: Headers) -> None:
    problem(await http.post(PATH, content=b"x" * 17_000, headers={**admin, **NDJSON}), 413, "row_too_long")
    assert [] == world.asked


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/csv; charset=utf-16", ""])
async def test_another_media_type_is_415(http: AsyncClient, world: World, admin: Headers, content_type: str) -> None:
    response = await http.post(PATH, content=many(1), headers={**admin, "Content-Type": content_type})
    problem(response, 415, "unsupported_media_type")
    assert "text/csv, application/x-ndjson" == response.headers["accept"]
    assert [] == world.asked


async def test_a_compressed_body_is_415(http: AsyncClient, admin: Headers) -> None:
    response = await http.post(PATH, content=many(1), headers={**admin, **CSV, "Content-Encoding": "gzip"})
    problem(response, 415, "unsupported_content_encoding")


async def test_only_an_administrator_imports(http: AsyncClient, world: World, user: Headers) -> None:
    problem(await http.post(PATH, content=many(1), headers={**user, **CSV}), 403, "role_required")
    problem(await http.post(PATH, content=many(1), headers=CSV), 401, "token_required")
    assert [] == world.asked


async def test_an_empty_file_of_ndjson_imports_nothing(http: AsyncClient, world: World, admin: Headers) -> None:
    [last] = lines(await http.post(PATH, content=b"\n\n", headers={**admin, **NDJSON}))
    assert (0, None) == (last["created"], last["incomplete"])
    assert [] == world.asked
