"""Records what a consumer sends and reads, as one Pact V4 file for each service that it calls."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mesh.core.endpoint import Endpoint
from ops.contracts.document import Declared
from ops.contracts.examples import EndpointExample, endpoint_example, sampled
from ops.contracts.pacts.expected import expected
from ops.contracts.shapes import Schema

JSON: Final = "application/json"
ACCOUNT: Final = "an access token"
"""The provider state of a request on behalf of a user; its parameter `of` names the user."""
MESH: Final = "northwind-mesh"
"""The member of a pact's metadata that is ours."""
_WORD: Final = re.compile(r"\{(\w+)\}")

Reads = Mapping[str, Sequence[Schema]]
"""The JSON Schemas of the shapes that a consumer reads replies as, by subject."""


def of_contracts(declared: Declared, consumer: str) -> Reads:
    """What a worker reads: its client validates whole replies, by the contracts' models. Raises ValueError."""
    return {one.subject: [one.replies.json_schema(mode="validation")] for one in calls(declared, consumer)}


def calls(declared: Declared, consumer: str) -> Sequence[Endpoint[Any, Any]]:
    """The endpoints that a consumer calls. Raises ValueError for an unknown consumer."""
    found = {row.name: row.calls for row in declared.processes}
    if consumer not in found:
        raise ValueError(f"there is no consumer {consumer!r}: the processes are {', '.join(found)}")
    return found[consumer]


def recorded(declared: Declared, consumer: str, reads: Reads, examples: Path) -> dict[str, Any]:
    """The consumer's pacts, by the service that it calls. Raises ValueError."""
    pacts: dict[str, Any] = {}
    for endpoint in calls(declared, consumer):
        pact = pacts.setdefault(endpoint.service, _empty(declared, consumer, endpoint.service))
        example = endpoint_example(examples, endpoint.subject)
        shapes = reads.get(endpoint.subject)
        if not shapes:
            raise ValueError(f"{consumer} calls {endpoint.subject}, and nothing tells what it reads of the reply")
        pact["metadata"][MESH]["contracts"][endpoint.subject] = endpoint.contract_hash()
        for number, shape in enumerate(shapes, 1):
            name = endpoint.subject if number == 1 else f"{endpoint.subject}, read in way {number}"
            pact["interactions"].append(_interaction(name, endpoint.subject, example, shape))
    return pacts


def _empty(declared: Declared, consumer: str, provider: str) -> dict[str, Any]:
    return {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": [],
        "metadata": {
            "pactSpecification": {"version": "4.0"},
            MESH: {"version": declared.version, "contracts": {}},
        },
    }


def _interaction(name: str, subject: str, example: EndpointExample, shape: Schema) -> dict[str, Any]:
    words = dict(_words(example.template, "$"))
    states = [{"name": word} for word in dict.fromkeys(words.values())]
    account = [{"name": ACCOUNT, "params": {"of": example.account}}] if example.account else []
    reply = expected(shape, example.reply)
    request: dict[str, Any] = {"contents": _contents(sampled(example.template)), "metadata": {"subject": subject}}
    if words:
        made = {path: {"type": "ProviderState", "expression": f"${{{word}}}"} for path, word in words.items()}
        request["generators"] = {"body": made}
    return {
        "type": "Synchronous/Messages",
        "description": name,
        "pending": False,
        "providerStates": [*account, *states],
        "request": request,
        "response": [
            {
                "contents": _contents(reply.content),
                "matchingRules": {"body": dict(sorted(reply.rules.items()))},
            }
        ],
    }


def _contents(content: object) -> dict[str, Any]:
    return {"content": content, "contentType": JSON, "encoded": False}


def _words(template: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # any JSON
    """The words in braces of an example's request, each with its path."""
    match template:
        case dict():
            for name, value in template.items():
                yield from _words(value, f"{path}.{name}")
        case list():
            for number, value in enumerate(template):
                yield from _words(value, f"{path}[{number}]")
        case str() if found := _WORD.fullmatch(template):
            yield path, found[1]
