"""The results of a benchmark, as in `latest.json`."""

from typing import Any, Literal

from pydantic import BaseModel

from bench.reporting.rounds import Spread

LoadKind = Literal["paced", "saturating"]


class Sample(BaseModel):
    """One run against one system: times in milliseconds, CPU in microseconds per request, memory in MiB.

    `others` is how many cores were busy with neither the system nor the load.
    """

    system: str
    load: LoadKind
    turn: int
    requests: int
    failures: int
    rate: float
    p50: float
    p99: float
    cpu: dict[str, float]
    memory: dict[str, float]
    others: float = 0.0

    @property
    def total_cpu(self) -> float:
        """Of all processes together."""
        return sum(self.cpu.values())

    @property
    def total_memory(self) -> float:
        """Of the gateway and the workers: the servers are the same for all systems."""
        return sum(value for name, value in self.memory.items() if name not in ("nats", "postgres", "mongo"))


class Claim(BaseModel):
    """A bound of the system, and the measurement."""

    what: str
    bound: float
    at_least: bool = False
    measured: Spread
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the median is within the bound."""
        median = self.measured.median
        return median >= self.bound if self.at_least else median <= self.bound


class Table(BaseModel):
    """Rows for a person to read."""

    columns: list[str]
    rows: list[list[str]]


class Section(BaseModel):
    """One part of the benchmark."""

    name: str
    title: str
    notes: list[str] = []
    tables: list[Table] = []
    claims: list[Claim] = []
    samples: list[Sample] = []
    figures: dict[str, Any] = {}


class Results(BaseModel):
    """All results of a run. `missing` says why a system could not be measured."""

    form: Literal["short", "full"]
    begun: str
    machine: dict[str, str]
    missing: dict[str, str]
    sections: list[Section]
