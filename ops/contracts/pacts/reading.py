"""Reads pacts from files, ours and those that Pact's libraries in other languages write."""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ops.contracts.document import read_json
from ops.contracts.pacts.recording import ACCOUNT, MESH

_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")
_PATH: Final = re.compile(r"\$(?:\.\w+|\[\d+\])*")
_EXPRESSION: Final = re.compile(r"\$\{(\w+)\}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Named(_Part):
    name: str


class _Contents(_Part):
    content: Any
    encoded: Literal[False] = False


class _Generator(_Part):
    type: Literal["ProviderState"]
    expression: Annotated[str, Field(pattern=_EXPRESSION.pattern)]


class _Generators(_Part):
    body: dict[Annotated[str, Field(pattern=rf"^{_PATH.pattern}$")], _Generator] = {}


class _RequestMetadata(_Part):
    subject: str


class _Request(_Part):
    contents: _Contents
    metadata: _RequestMetadata
    generators: _Generators = _Generators()


class _State(_Part):
    name: str
    params: dict[str, Any] = {}


class _Interaction(_Part):
    type: Literal["Synchronous/Messages"]
    description: str
    states: Annotated[tuple[_State, ...], Field(alias="providerStates")] = ()
    request: _Request
    response: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1)]


class _Ours(_Part):
    version: str = ""
    contracts: dict[str, str] = {}


class _Metadata(_Part):
    ours: Annotated[_Ours, Field(alias=MESH)] = _Ours()


class _File(_Part):
    consumer: _Named
    provider: _Named
    interactions: tuple[_Interaction, ...]
    metadata: _Metadata = _Metadata()


@dataclass(frozen=True)
class Interaction:
    """One request of a consumer, and what it expects of the reply."""

    consumer: str
    provider: str
    description: str
    subject: str
    request: Any
    """With words in braces, as in tests/contract/examples: what the provider must have is filled in."""
    account: str | None
    """On whose behalf the request is sent."""
    document: Mapping[str, Any]
    """The interaction as Pact's tools read it."""


@dataclass(frozen=True)
class Pact:
    """What one consumer sends to one provider, and reads."""

    consumer: str
    provider: str
    version: str
    """The version of the contracts that the consumer was built with; empty if the file does not tell."""
    contracts: Mapping[str, str]
    """The hash of each endpoint's shapes as the consumer knows them, by subject."""
    interactions: tuple[Interaction, ...]


def read_pacts(folder: Path, consumers: frozenset[str] = frozenset()) -> list[Pact]:
    """The pacts `folder/<consumer>/<provider>.json`, of all consumers or of these. Raises ValueError."""
    files = sorted(folder.glob("*/*.json"))
    if not files:
        raise ValueError(f"{folder} has no pacts: `mesh contracts record` writes them")
    if unknown := consumers - {path.parent.name for path in files}:
        raise ValueError(f"{folder} has no pact of {', '.join(sorted(unknown))}")
    return [read_pact(path) for path in files if not consumers or path.parent.name in consumers]


def read_pact(path: Path) -> Pact:
    """One file. Raises ValueError, with its name and the first wrong member."""
    document = read_json(path)
    try:
        read = _File.model_validate(document)
        found = [_read(read, one, whole) for one, whole in _pairs(read, document)]
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ValueError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except LookupError:
        raise ValueError(f"{path}: a generator names a field that its request does not have") from None
    ours = read.metadata.ours
    return Pact(read.consumer.name, read.provider.name, ours.version, ours.contracts, tuple(found))


def _pairs(read: _File, document: Mapping[str, Any]) -> list[tuple[_Interaction, Mapping[str, Any]]]:
    return list(zip(read.interactions, document["interactions"], strict=True))


def _read(file: _File, one: _Interaction, document: Mapping[str, Any]) -> Interaction:
    request = deepcopy(one.request.contents.content)
    for path, generator in one.request.generators.body.items():
        request = _set(request, path, f"{{{_EXPRESSION.findall(generator.expression)[0]}}}")
    accounts = [state.params.get("of") for state in one.states if state.name == ACCOUNT]
    account = str(accounts[0]) if accounts else None
    subject = one.request.metadata.subject
    return Interaction(file.consumer.name, file.provider.name, one.description, subject, request, account, document)


def _set(request: Any, path: str, value: str) -> Any:  # noqa: ANN401  # any JSON
    """The request with the value at the path. Raises LookupError if it has no such place."""
    steps = [name or int(number) for name, number in _STEP.findall(path)]
    if not steps:
        return value
    place = request
    for step in steps[:-1]:
        place = _at(place, step)[step]
    _at(place, steps[-1])[steps[-1]] = value
    return request


def _at(place: Any, step: str | int) -> Any:  # noqa: ANN401  # any JSON
    """The place, which has this step. Raises LookupError."""
    if isinstance(place, dict) and step in place:
        return place
    if isinstance(place, list) and isinstance(step, int) and step < len(place):
        return place
    raise LookupError
