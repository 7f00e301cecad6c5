"""Compares the contracts of the instances that answer discovery with ours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mesh.core.endpoint import Endpoint
from mesh.wire.discovery import InstanceDocument


@dataclass(frozen=True)
class Compared:
    """An instance, and where its contracts differ from ours."""

    service: str
    instance: str
    version: str
    """The version of its contracts."""
    known: bool
    """Whether it tells the hash of at least one endpoint of ours."""
    differs: tuple[str, ...]
    """The subjects whose shapes differ. An endpoint that only one side has is no difference."""


def compared(documents: Iterable[InstanceDocument], endpoints: Sequence[Endpoint[Any, Any]]) -> list[Compared]:
    """Each instance, by its INFO document, compared with these endpoints."""
    return [_compared(document, endpoints) for document in documents]


def _compared(document: InstanceDocument, endpoints: Iterable[Endpoint[Any, Any]]) -> Compared:
    theirs = {one.subject: one.contract for one in document.endpoints if one.contract is not None}
    shared = [one for one in endpoints if one.service == document.name and one.subject in theirs]
    differs = tuple(one.subject for one in shared if one.contract_hash() != theirs[one.subject])
    return Compared(document.name, document.id, document.contract_version, known=bool(shared), differs=differs)
