"""Requests over HTTP, ours against the peers': a customer by key, a page of products, and a customer by new tokens."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from bench.comparison import METRICS, Aim, Plan, compare, disturbed, ratio, tables
from bench.errors import BenchError
from bench.load import Target
from bench.reporting.results import Claim, LoadKind, Sample, Section
from bench.systems import System
from bench.tokens import Tokens

_MICROSECONDS: Final = re.compile(r"(T\d\d:\d\d:\d\d\.\d{3})\d+(?=Z)")
"""What JavaScript's dates do not have."""
_SHOWN: Final = 300
"""Characters of an answer in a message."""


@dataclass(frozen=True)
class Bound:
    """The bound of a paired ratio with a peer."""

    peer: str
    load: LoadKind
    metric: str
    value: float
    at_least: bool = False


@dataclass(frozen=True)
class Question:
    """A request to every system. `bearer`: whether it needs an access token. `invalid`: a request that it refuses.

    A path with `{key}` is requested for each of `keys` in turn; without `keys` for each customer.
    """

    name: str
    title: str
    path: str
    invalid: str
    bearer: bool
    bounds: Sequence[Bound] = ()
    keys: Sequence[str] = ()

    def paths(self, keys: Sequence[str]) -> list[str]:
        """The requests, in turn. `keys` are those of all customers."""
        return list(dict.fromkeys(self.path.format(key=key) for key in self.keys or keys))


CUSTOMER = Question(
    "customer",
    "GET /v1/customers/{customer_id} with an access token",
    "/v1/customers/{key}",
    "/v1/customers/ALFK",
    bearer=True,
    bounds=(
        Bound("nestjs-express", "paced", "CPU µs/req", 0.40),
        Bound("nestjs-express", "saturating", "CPU µs/req", 0.40),
        Bound("nestjs-express", "saturating", "req/s", 2.5, at_least=True),
        Bound("nestjs-express", "saturating", "p99 ms", 1.0),
        Bound("go", "saturating", "CPU µs/req", 0.75),
        Bound("fastapi", "paced", "CPU µs/req", 0.50),
        Bound("fastapi", "saturating", "CPU µs/req", 0.50),
    ),
)
PRODUCTS = Question(
    "products",
    "GET /v1/products?limit=50",
    "/v1/products?limit=50",
    "/v1/products?limit=fifty",
    bearer=False,
    bounds=(
        Bound("nestjs-express", "paced", "CPU µs/req", 0.50),
        Bound("nestjs-express", "saturating", "CPU µs/req", 0.15),
    ),
)
PRODUCT = Question(
    "product",
    "GET /v1/products/{product_id}",
    "/v1/products/{key}",
    "/v1/products/one",
    bearer=False,
    bounds=(Bound("nestjs-express", "saturating", "CPU µs/req", 0.15),),
    keys=tuple(map(str, range(1, 78))),
)
NEW_TOKENS = Question(
    "new-tokens",
    "GET /v1/customers/{customer_id}, each request with a token that its gateway has not seen lately",
    CUSTOMER.path,
    CUSTOMER.invalid,
    bearer=True,
)
_TOKENS = 12_000
"""More tokens than the mesh's gateway remembers: each is forgotten before its next turn."""


@dataclass(frozen=True)
class Asked:
    """The systems, the token and the customers."""

    systems: Sequence[System]
    tokens: Tokens
    keys: Sequence[str]


async def ask(question: Question, asked: Asked, plan: Plan) -> Section:
    """Compare the systems on one question. Raises BenchError if their answers differ."""

    async def aim(system: System) -> Target:
        headers = await asked.tokens.headers() if question.bearer else {}
        return Target(system.url, question.paths(asked.keys), headers)

    return await _compared(question, asked, plan, aim)


async def ask_with_new_tokens(asked: Asked, plan: Plan, folder: Path) -> Section:
    """Compare the systems where a gateway cannot know a token from the request before; `folder` holds the tokens."""
    _write(folder, asked.systems, await asked.tokens.many(_TOKENS))

    async def aim(system: System) -> Target:
        return Target(system.url, NEW_TOKENS.paths(asked.keys), tokens=folder / system.name)

    return await _compared(NEW_TOKENS, asked, plan, aim)


def _write(folder: Path, systems: Sequence[System], tokens: Sequence[str]) -> None:
    """A file for each system, since each goes through the tokens at its own pace."""
    folder.mkdir(exist_ok=True)
    for system in systems:
        (folder / f"{system.name}.position").unlink(missing_ok=True)
        (folder / system.name).write_text("\n".join(tokens) + "\n")


async def _compared(question: Question, asked: Asked, plan: Plan, aim: Aim) -> Section:
    path = question.paths(asked.keys)[0]
    check_same(question, {system.name: await _answer(question, path, asked.tokens, system) for system in asked.systems})
    samples = await compare(asked.systems, aim, plan)
    failed = [sample for sample in samples if sample.failures]
    return Section(
        name=question.name,
        title=question.title,
        notes=[
            *disturbed(samples),
            *(f"{one.system}, {one.load}, round {one.turn + 1}: {one.failures} requests failed" for one in failed),
        ],
        tables=tables(samples),
        claims=claims(question, samples),
        samples=samples,
    )


def check_same(question: Question, answers: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise BenchError unless the peers do the same work: the same body and headers, the same refusals."""
    (first, expected), *others = answers.items()
    for name, answer in others:
        for part, value in expected.items():
            if answer[part] != value:
                theirs, ours = str(answer[part])[:_SHOWN], str(value)[:_SHOWN]
                raise BenchError(f"{question.path}: {part} is {theirs} of {name}, {ours} of {first}")


def claims(question: Question, samples: Sequence[Sample]) -> list[Claim]:
    """The bounds of a question, for the measured peers."""
    measured = {(sample.system, sample.load) for sample in samples}
    return [
        Claim(
            what=f"{question.name}, {bound.load}: {bound.metric} by {bound.peer}'s",
            bound=bound.value,
            at_least=bound.at_least,
            measured=ratio(samples, bound.peer, bound.load, METRICS[bound.metric]),
        )
        for bound in question.bounds
        if (bound.peer, bound.load) in measured
    ]


async def _answer(question: Question, path: str, tokens: Tokens, system: System) -> dict[str, Any]:
    headers = await tokens.headers() if question.bearer else {}
    async with httpx2.AsyncClient(base_url=system.url) as http:
        answer = await http.get(path, headers=headers)
        invalid = await http.get(question.invalid, headers=headers)
        without = await http.get(path)
    body = json.loads(_MICROSECONDS.sub(r"\1", answer.text))
    return {
        "the status": answer.status_code,
        "the body": body.get("items", body),
        # The mesh tags pages too; the peers need not.
        "the ETag": answer.headers.get("etag") if "{key}" in question.path else None,
        "the security header": answer.headers.get("x-content-type-options"),
        "that there is a request id": "x-request-id" in answer.headers,
        "the status without a token": without.status_code,
        "that what is invalid is refused": invalid.status_code in {400, 404, 422},
    }
