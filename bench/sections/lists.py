"""The cost of a list as it grows: page 1 and page 10,000 of a million customers, and searches."""

import itertools
import string
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
import httpx2

from bench.comparison import disturbed, sample
from bench.load import Target, saturate
from bench.progress import show
from bench.reporting.results import Claim, Sample, Section, Table
from bench.reporting.rounds import paired, rotated, spread
from bench.systems import System, mesh
from bench.tokens import Tokens
from devstack.stack.stack import Stack
from providers.postgres.folding import fold

ROWS = 1_000_000
_PAGE = 50
_DEEP = 10_000
_LARGEST_PAGE = 200
_CONNECTIONS = 4
_COUNTRIES = ("Austria", "Brazil", "Germany", "Germany", "Germany")  # three in five, so that the list is long enough
_LISTS: Mapping[str, Mapping[str, str]] = {
    "by key": {},
    "by company": {"sort": "company_name"},
    "of one country": {"country": "Germany"},
}
_SEARCHES: Mapping[str, Mapping[str, str]] = {
    "search that fits one row in ninety": {"q": "contact 42"},
    "search that fits one row in a million": {"q": "company 1765432"},
    "search that fits none": {"q": "nobody is called so"},
}


async def lists(home: Path, *, rounds: int, seconds: float) -> Section:
    """Compare the depths of each list in alternating rounds."""
    async with mesh(home) as stack:
        show("  loading a million customers")
        await _load(stack)
        tokens = Tokens(stack)
        paths = {name: await _depths(stack, tokens, query) for name, query in _LISTS.items()}
        paths |= {name: {"": _path(query)} for name, query in _SEARCHES.items()}
        asked = {
            f"{name}, {depth}" if depth else name: path for name, of in paths.items() for depth, path in of.items()
        }
        samples: dict[str, list[Sample]] = {name: [] for name in asked}
        system = System("mesh", stack.state.gateway_url, stack.state.processes)
        for turn in range(rounds):
            for name in rotated(list(asked), turn):
                show(f"  round {turn + 1} of {rounds}: {name}")
                target = Target(system.url, [asked[name]], await tokens.headers())
                load = saturate(target, seconds=seconds, connections=_CONNECTIONS)
                samples[name].append(await sample(system, "saturating", turn, load))
    return _section(samples)


def _section(samples: Mapping[str, list[Sample]]) -> Section:
    rows = [
        [
            name,
            *(
                str(spread([metric(one) for one in of]))
                for metric in (lambda one: one.rate, lambda one: one.p50, lambda one: one.p99, _cpu, _postgres)
            ),
        ]
        for name, of in samples.items()
    ]
    deeper = {
        name: paired(*([_cpu(one) for one in samples[f"{name}, page {page}"]] for page in (_DEEP, 1)))
        for name in _LISTS
    }
    return Section(
        name="lists",
        title=f"Lists of {ROWS} customers, {_PAGE} a page, {_CONNECTIONS} at a time",
        notes=disturbed([one for of in samples.values() for one in of]),
        tables=[
            Table(columns=["list", "req/s", "p50 ms", "p99 ms", "CPU µs/req", "of it PostgreSQL"], rows=rows),
            Table(
                columns=["CPU of page 10000 by page 1", "ratio"], rows=[[name, str(of)] for name, of in deeper.items()]
            ),
        ],
        claims=[
            Claim(what=f"CPU of page {_DEEP} by page 1, list {name}", bound=1.2, measured=ratio)
            for name, ratio in deeper.items()
        ],
        figures={name: [one.model_dump() for one in of] for name, of in samples.items()},
    )


def _cpu(one: Sample) -> float:
    return one.total_cpu


def _postgres(one: Sample) -> float:
    return one.cpu["postgres"]


def _path(query: Mapping[str, object]) -> str:
    return f"/v1/customers?{urlencode({'limit': _PAGE, **query})}"


async def _depths(stack: Stack, tokens: Tokens, query: Mapping[str, str]) -> dict[str, str]:
    """The first page, and the ten thousandth or the last full one, reached by cursors as a client does."""
    cursor: str | None = None
    left = (_DEEP - 1) * _PAGE
    async with httpx2.AsyncClient(base_url=stack.state.gateway_url) as http:
        while left > 0:
            limit = min(left, _LARGEST_PAGE)
            more: dict[str, Any] = {"limit": limit, **({"cursor": cursor} if cursor else {})}
            answer = await http.get("/v1/customers", params={**query, **more}, headers=await tokens.headers())
            cursor = answer.raise_for_status().json()["next_cursor"]
            left -= limit
    if cursor is None:
        raise ValueError("the list ends before the deep page")
    return {"page 1": _path(query), f"page {_DEEP}": _path({**query, "cursor": cursor})}


async def _load(stack: Stack) -> None:
    """Fill the table up to a million rows, as the service would have written them."""
    connection = await asyncpg.connect(stack.state.databases["customers"])
    try:
        there = await connection.fetchval("SELECT count(*) FROM customers")
        if there < ROWS:
            await connection.execute("DELETE FROM customers WHERE company_name LIKE 'Company %'")
            taken = {row["customer_id"] for row in await connection.fetch("SELECT customer_id FROM customers")}
            rows = map(_customer, range(ROWS), _keys(taken))
            await connection.copy_records_to_table("customers", records=rows, columns=_COLUMNS)
            await connection.execute("VACUUM ANALYZE customers")
    finally:
        await connection.close()


_COLUMNS = (
    *("customer_id", "company_name", "contact_name", "city", "country"),
    *("company_name_folded", "contact_name_folded", "city_folded", "country_folded"),
)


def _keys(taken: Collection[str]) -> Iterator[str]:
    """One in eleven of all possible keys, a little over a million, without those that are taken."""
    letters = itertools.product(string.ascii_uppercase, repeat=5)
    return (key for key in map("".join, itertools.islice(letters, 0, None, 11)) if key not in taken)


def _customer(number: int, key: str) -> tuple[str, ...]:
    company = f"Company {number * 7919 % ROWS + ROWS:07d}"
    contact, city = f"Contact {number % 9973}", f"City {number % 997}"
    country = _COUNTRIES[number % len(_COUNTRIES)]
    return (key, company, contact, city, country, *map(fold, (company, contact, city, country)))
