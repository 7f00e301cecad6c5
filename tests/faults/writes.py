"""Somebody who writes customers with Idempotency-Keys and keeps account of what was acknowledged."""

import itertools
import secrets
from asyncio import get_running_loop
from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg
from httpx2 import HTTPError

from contracts.customers import CreateCustomer, Customer, CustomerPatch, UpdateCustomer
from devstack.stack.stack import Stack
from mesh.core.endpoint import Endpoint, Req
from mesh.core.errors import CallError
from subjects import CUSTOMERS_CREATE, CUSTOMERS_UPDATE
from tests.support.load.traffic import Balancer, Caller, kind_of, status

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FREE = map("".join, itertools.product("X", _LETTERS, _LETTERS, _LETTERS, _LETTERS))
"""Keys that Northwind has not given: none of its customers begins with X."""
_UPDATES = 4
"""Of one customer, until the next is created."""
_MOST_TRIES = 20
_TRY_AGAIN = ("503", "504", "broken")


@dataclass(frozen=True)
class Answer:
    """What came back: its kind, and the version of the customer where it is good."""

    kind: str
    version: int = 0


class Writer:
    """Creates customers and changes them, by HTTP or by NATS; several tasks may write at once."""

    def __init__(self, way: Balancer | Caller, token: str) -> None:
        self.acknowledged: dict[str, int] = {}
        """The version that each customer must be in at least."""
        self.answers: dict[str, tuple[int, str]] = {}
        """By customer, the version before the last write, and the kind of answer to it."""
        self.tries: list[float] = []
        """Seconds that each request took, repetitions too."""
        self.repeated = 0
        """Requests that were made again since there was no good answer."""
        self._way = way
        self._token = token
        self._idle: list[str] = []

    async def write(self) -> str:
        """One write, asked for again under the same key until it is acknowledged, and once more after that."""
        key, (customer_id, version) = secrets.token_hex(12), self._next()
        for _ in range(_MOST_TRIES):
            answer = await self._ask(key, customer_id, version)
            if not _may_be_repeated(answer.kind):
                break
            self.repeated += 1
        if answer.kind == "ok":
            if answer.version != version + 1:
                return f"version {answer.version} after {version}"
            again = await self._ask(key, customer_id, version)
            if again != answer and not _may_be_repeated(again.kind):
                return f"repeated: {again.kind}, version {again.version}"
        self._settle(customer_id, version, answer)
        return answer.kind

    async def once(self) -> str:
        """One write, asked for once."""
        customer_id, version = self._next()
        answer = await self._ask(secrets.token_hex(12), customer_id, version)
        self._settle(customer_id, version, answer)
        return answer.kind

    def _next(self) -> tuple[str, int]:
        """A customer that nobody else changes, and the version that it is in, 0 for a new one."""
        if not self._idle:
            return next(_FREE), 0
        customer_id = self._idle.pop()
        return customer_id, self.acknowledged[customer_id]

    def _settle(self, customer_id: str, version: int, answer: Answer) -> None:
        self.answers[customer_id] = (version, answer.kind)
        if answer.kind == "ok":
            self.acknowledged[customer_id] = answer.version
            if answer.version <= _UPDATES:
                self._idle.append(customer_id)

    async def _ask(self, key: str, customer_id: str, version: int) -> Answer:
        began = get_running_loop().time()
        try:
            if isinstance(self._way, Caller):
                return await self._by_nats(self._way, key, customer_id, version)
            return await self._by_http(self._way, key, customer_id, version)
        finally:
            self.tries.append(get_running_loop().time() - began)

    async def _by_http(self, http: Balancer, key: str, customer_id: str, version: int) -> Answer:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key}
        try:
            if version == 0:
                new = {"customer_id": customer_id, "company_name": "Written"}
                response = await http.send("POST", "/v1/customers", json=new, headers=headers)
            else:
                headers["If-Match"] = f'"{version}"'
                change = {"city": f"City {version}"}
                response = await http.send("PATCH", f"/v1/customers/{customer_id}", json=change, headers=headers)
        except HTTPError as error:
            return Answer(f"broken: {type(error).__name__}")
        kind = status(response)
        return Answer(kind, int(response.headers["ETag"].strip('"')) if kind == "ok" else 0)

    async def _by_nats(self, nats: Caller, key: str, customer_id: str, version: int) -> Answer:
        if version == 0:
            return await self._call(nats, CUSTOMERS_CREATE, _new(customer_id), key)
        patch = CustomerPatch(city=f"City {version}")
        change = UpdateCustomer(customer_id=customer_id, expected_version=version, patch=patch)
        return await self._call(nats, CUSTOMERS_UPDATE, change, key)

    async def _call(self, nats: Caller, endpoint: Endpoint[Req, Customer], request: Req, key: str) -> Answer:
        try:
            return Answer("ok", (await nats.call(endpoint, request, self._token, key)).version)
        except CallError as error:
            return Answer(kind_of(error))


def _new(customer_id: str) -> CreateCustomer:
    return CreateCustomer(customer_id=customer_id, company_name="Written")


def _may_be_repeated(kind: str) -> bool:
    return kind.startswith(_TRY_AGAIN)


def free_ids(count: int) -> list[str]:
    """Keys that no customer and no writer has."""
    return [*itertools.islice(_FREE, count)]


async def in_database(stack: Stack, customer_ids: Iterable[str]) -> dict[str, int]:
    """The versions of the customers that PostgreSQL has, without asking any service."""
    connection = await asyncpg.connect(stack.state.databases["customers"])
    try:
        rows = await connection.fetch(
            "SELECT customer_id, version FROM customers WHERE customer_id = ANY($1)", [*customer_ids]
        )
    finally:
        await connection.close()
    return {row["customer_id"]: row["version"] for row in rows}
