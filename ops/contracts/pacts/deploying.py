"""Says whether a service of this checkout fits what runs: its consumers' pacts, and the services that it calls."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mesh.core.endpoint import Endpoint
from mesh.wire.discovery import InstanceDocument
from ops.contracts.document import Declared, as_text
from ops.contracts.examples import endpoint_example, sampled
from ops.contracts.pacts.judging import Answer, Outcome, judged
from ops.contracts.pacts.reading import Interaction, Pact
from ops.contracts.pacts.recording import calls


@dataclass(frozen=True)
class Hindrance:
    """Why the service should not be deployed now."""

    other: str
    """The running service, or the consumer, that does not fit."""
    sentence: str


def hindrances(
    declared: Declared, service: str, running: Sequence[InstanceDocument], pacts: Sequence[Pact], examples: Path
) -> list[Hindrance]:
    """Every reason against it. Raises ValueError for an unreadable example, ToolError."""
    return [
        *_of_consumers(declared, running, [one for one in pacts if one.provider == service], examples),
        *_of_providers(declared, service, running),
    ]


def _of_consumers(
    declared: Declared, running: Sequence[InstanceDocument], pacts: Sequence[Pact], examples: Path
) -> Iterator[Hindrance]:
    """What the service would break. A consumer that serves nothing is not in discovery: it may always run."""
    serving = {row.name for row in declared.processes if row.serves}
    versions = _versions(running)
    answers: list[Answer] = []
    for pact in pacts:
        if pact.consumer in serving and pact.consumer not in versions:
            continue
        if pact.version and (others := versions.get(pact.consumer, set()) - {pact.version}):
            yield _outdated(pact, others)
        answers += _answers(declared, pact, examples)
    for verdict in judged(answers):
        if verdict.outcome is Outcome.BROKEN:
            yield Hindrance(verdict.consumer, verdict.sentence)


def _outdated(pact: Pact, others: Collection[str]) -> Hindrance:
    runs = f"{pact.consumer} runs with the contracts {', '.join(sorted(others))}, and its pact is of {pact.version}"
    return Hindrance(pact.consumer, f"{runs}: record it at that version, and pass its folder with --pacts")


def _answers(declared: Declared, pact: Pact, examples: Path) -> Iterator[Answer]:
    """What this checkout answers, by its examples, where its shapes are not those that the consumer knows."""
    endpoints = {one.subject: one for one in declared.endpoints}
    for one in pact.interactions:
        endpoint = endpoints.get(one.subject)
        if endpoint is None:
            yield Answer(one, refused="this checkout does not serve the subject")
        elif pact.contracts.get(one.subject) != endpoint.contract_hash():
            yield _answer(one, endpoint, examples)


def _answer(one: Interaction, endpoint: Endpoint[Any, Any], examples: Path) -> Answer:
    content = one.document["request"]["contents"]["content"]
    try:
        endpoint.requests.validate_json(as_text(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return Answer(one, refused=f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    return Answer(one, as_text(sampled(endpoint_example(examples, one.subject).reply)).encode())


def _of_providers(declared: Declared, service: str, running: Sequence[InstanceDocument]) -> Iterator[Hindrance]:
    """What the service would not find, or find with other shapes than it knows."""
    served = _hashes(running)
    for endpoint in calls(declared, service):
        hashes = served.get(endpoint.subject)
        if hashes is None:
            yield Hindrance(
                endpoint.service, f"{endpoint.subject}: {service} calls it, and no running instance serves it"
            )
        elif others := hashes - {endpoint.contract_hash()}:
            yield Hindrance(endpoint.service, _differs(service, endpoint, others))


def _differs(service: str, endpoint: Endpoint[Any, Any], others: Collection[str]) -> str:
    known = f"{service} knows its shapes as {endpoint.contract_hash()}"
    runs = ", ".join(sorted(one or "an instance that does not tell" for one in others))
    ask = f"`mesh contracts verify --consumer {service} --provider {endpoint.service}` tells whether that breaks it"
    return f"{endpoint.subject}: {known}, and {endpoint.service} runs with {runs}: {ask}"


def _versions(running: Sequence[InstanceDocument]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in running:
        found.setdefault(one.name, set()).add(one.contract_version)
    return found


def _hashes(running: Sequence[InstanceDocument]) -> Mapping[str, set[str]]:
    """The hashes of each subject where it runs; an empty one if an instance does not tell."""
    found: dict[str, set[str]] = {}
    for one in running:
        for endpoint in one.endpoints:
            found.setdefault(endpoint.subject, set()).add(endpoint.contract or "")
    return found
