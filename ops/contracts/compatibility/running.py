"""Compares a version with what runs now, of which discovery tells only the hash of each endpoint's shapes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.contracts.compatibility.finding import Finding
from ops.contracts.compatibility.snapshot import Snapshot
from ops.contracts.compatibility.subjects import part_of_endpoint
from ops.contracts.tree import EndpointContract


@dataclass(frozen=True)
class Running:
    """The hashes that the running instances tell, by subject. An instance may tell none."""

    hashes: Mapping[str, frozenset[str]]


def with_running(version: Snapshot, running: Running, *, is_new: bool) -> list[Finding]:
    """What differs. `is_new`: whether the running mesh is the new side."""
    return [*_declared(version, running, is_new=is_new), *_undeclared(version, running, is_new=is_new)]


def _declared(version: Snapshot, running: Running, *, is_new: bool) -> Iterator[Finding]:
    for subject, endpoint in version.contracts.endpoints.items():
        hashes = running.hashes.get(subject)
        if hashes is None and is_new:
            yield part_of_endpoint(endpoint).breaking("no running instance serves it", "start one")
        elif hashes is None:
            yield Finding(subject, "the endpoint is new: no running instance serves it")
        elif others := hashes - {endpoint.contract}:
            yield _differs(endpoint, others)


def _differs(endpoint: EndpointContract, hashes: frozenset[str]) -> Finding:
    what = f"its shapes have the hash {endpoint.contract}, and {', '.join(sorted(hashes))} where they run"
    whom = f"{part_of_endpoint(endpoint).whom} unless the change is compatible"
    return Finding(endpoint.subject, what, True, whom, "compare with the git revision that runs")  # noqa: FBT003


def _undeclared(version: Snapshot, running: Running, *, is_new: bool) -> Iterator[Finding]:
    for subject in sorted(running.hashes.keys() - version.contracts.endpoints.keys()):
        if is_new:
            yield Finding(subject, "the endpoint is new: a running instance serves it")
        else:
            yield Finding(subject, "the endpoint runs and is removed", True, "its callers", "keep it")  # noqa: FBT003
