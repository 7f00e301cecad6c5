"""The parts of the documentation that code writes: `make docs` writes them, a test holds them against the code.

Each part stands in its page between two markers; what is around it is written by hand.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import typer
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

from cli.application import application
from console.settings import ConsoleLimits, ConsoleSettings
from devstack.stack.settings import StackSettings
from gateway.settings import CacheLimits, EventLimits, GatewaySettings, HttpLimits, ServiceLimits
from mesh.core.errors import Code
from mesh.core.reasons import COMMON, KEYED, VERIFIED
from mesh.nats.settings import NatsSettings
from mesh.process.settings import WorkerSettings
from mesh.security.settings import TokenSettings
from mesh.telemetry.catalogue import METRICS
from mesh.telemetry.settings import LogSettings, MetricsSettings, TraceSettings
from mesh.wire.field_reasons import FieldReason
from ops import dashboard, prometheus
from ops.collections.http_file import session_file, tag_file
from ops.collections.postman import postman
from ops.contracts.docstrings import of_fields
from ops.process import Process
from services import PROCESSES, WORKERS
from subjects import ENDPOINTS
from tests.support.paths import ROOT
from tests.support.service_settings import settings_of

_REFERENCE: Final = ROOT / "docs" / "reference"
_COLLECTIONS: Final = ROOT / "docs" / "collections"
_GUIDES: Final = ROOT / "docs" / "guides"
_CONTRACTS: Final = ROOT / "docs" / "contracts"
_DECISIONS: Final = ROOT / "docs" / "adr"
_OBSERVABILITY: Final = ROOT / "deploy" / "observability"
GROUPS: Final[Mapping[str, tuple[type[BaseSettings], ...]]] = {
    "Every process": (NatsSettings, LogSettings, TraceSettings, MetricsSettings),
    "The gateway and every worker": (TokenSettings,),
    "Every worker": (WorkerSettings,),
    "The gateway": (GatewaySettings, HttpLimits, ServiceLimits, EventLimits, CacheLimits),
    **{worker.name: (settings_of(worker),) for worker in WORKERS},
    "The console": (ConsoleSettings, ConsoleLimits),
    "`mesh up`": (StackSettings,),
}
_OF_THE_MACHINE: Final = {
    "AUTH_HASHES_AT_ONCE": ("the machine's cores less one", "1 to the number of cores"),
    "MESH_NATS_CONFIGURATION": ("`nats.conf`", ""),
}
"""Default and range of what differs from machine to machine."""
_WIDTH: Final = 100


def configuration() -> str:
    """A table of variables for each kind of process."""
    return "\n\n".join(f"## {title}\n\n{_table(_rows(kinds))}" for title, kinds in GROUPS.items() if any(_rows(kinds)))


def _rows(kinds: Iterable[type[BaseSettings]]) -> Iterator[tuple[str, ...]]:
    for kind in kinds:
        told = of_fields(kind)
        # Some fields of the stack are made of services.py, and stand in no class of their own.
        for name in kind.model_fields if kind is StackSettings else kind.__annotations__:
            if name in kind.model_fields:
                yield _row(kind, name, kind.model_fields[name], told)


def _row(kind: type[BaseSettings], name: str, field: FieldInfo, told: Mapping[str, str]) -> tuple[str, ...]:
    variable = _variable(kind, name, field)
    default, allowed = _OF_THE_MACHINE.get(variable, (_default(field), _allowed(field)))
    text = told.get(name) or _sentence(field.description or "")
    if not text and kind is StackSettings:
        text = "Replaces the server that `mesh up` would start."
    return f"`{variable}`", default, allowed, text


def _variable(kind: type[BaseSettings], name: str, field: FieldInfo) -> str:
    if field.validation_alias is not None:
        return name.upper()
    return f"{kind.model_config.get('env_prefix', '')}{name}".upper()


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "none"
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None or field.default == ():
        return "none"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _allowed(field: FieldInfo) -> str:
    bounds = {type(one): one for one in field.metadata if isinstance(one, Ge | Gt | Le | Lt)}
    least = next((f"{one.ge:g}" for one in bounds.values() if isinstance(one, Ge)), None)
    above = next((f"above {one.gt:g}" for one in bounds.values() if isinstance(one, Gt)), None)
    most = next((f"{_number(one.le)}" for one in bounds.values() if isinstance(one, Le)), None)
    return f"{least or above} to {most}" if (least or above) and most else ""


def _number(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(["| variable | default | range | meaning |", "|---|---|---|---|", *lines])


def commands() -> str:
    """The `--help` of each command, as it prints it."""
    app = application()
    runner = CliRunner()
    parts = []
    for words in _commands(typer.main.get_command(app)):
        shown = runner.invoke(
            app, [*words, "--help"], prog_name="mesh", terminal_width=_WIDTH, env={"COLUMNS": str(_WIDTH)}
        )
        parts.append(f"## `{' '.join(('mesh', *words))}`\n\n```text\n{shown.output.strip()}\n```")
    return "\n\n".join(parts)


def _commands(command: object, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    for word, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*words, word))


def reasons() -> str:
    """Which reasons an endpoint may answer with, and the status of each on NATS."""
    shared = {"every subject": COMMON, "every verified subject": VERIFIED, "every keyed subject": KEYED}
    rows = [f"| {who} | {_with_status(codes, codes)} | |" for who, codes in shared.items()]
    for endpoint in ENDPOINTS:
        own = _with_status((reason.value for reason in endpoint.reasons), endpoint.codes)
        flags = ", ".join(flag for flag in ("verified", "keyed") if getattr(endpoint, flag))
        rows.append(f"| `{endpoint.subject}` | {own} | {flags} |")
    fields = [f"| `{reason}` | {reason.meaning} |" for reason in FieldReason]
    return "\n".join(
        [
            *("| subject | reasons | flags |", "|---|---|---|", *rows),
            *("", "## Reasons of a field", "", "| reason in `errors` | meaning |", "|---|---|", *fields),
        ]
    )


def _with_status(names: Iterable[str], codes: Mapping[str, Code]) -> str:
    return ", ".join(f"`{name}` {codes[name].number}" for name in names) or "none"


def endpoints() -> str:
    """A table of operations for each tag of OpenAPI, and one of the subjects without an operation."""
    found: dict[str, list[str]] = {}
    routed = set()
    for path, methods in _openapi()["paths"].items():
        for method, one in methods.items():
            subject = one.get("x-subject")
            routed.add(subject)
            who = one["x-role"].lower() if "x-role" in one else "anyone"
            cells = (f"`{method.upper()} {path}`", f"`{subject}`" if subject else "", who, one["summary"])
            found.setdefault(one["tags"][0], []).append(f"| {' | '.join(cells)} |")
    contracts = json.loads((_CONTRACTS / "contracts.json").read_bytes())["endpoints"]
    others = [
        f"| `{name}` | {', '.join(one['callers']) or 'operators'} |"
        for name, one in contracts.items()
        if name not in routed
    ]
    parts = [
        f"## {tag[0].upper()}{tag[1:]}\n\n| HTTP | subject | who | what |\n|---|---|---|---|\n" + "\n".join(rows)
        for tag, rows in found.items()
    ]
    without = "## On NATS alone\n\n| subject | called by |\n|---|---|\n" + "\n".join(others)
    return "\n\n".join([*parts, without])


def metrics() -> str:
    """A table of every metric."""
    rows = [
        f"| `{one.shown}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | {one.meaning} |"
        for one in METRICS
    ]
    return "\n".join(["| metric | kind | labels | meaning |", "|---|---|---|---|", *rows])


def decisions() -> str:
    """The index of the decision records, by their titles."""
    lines = ["| | decision |", "|---|---|"]
    for record in sorted(_DECISIONS.glob("0*.md")):
        number, title = record.read_text().partition("\n")[0].removeprefix("# ").split(". ", 1)
        lines.append(f"| [{number}]({record.name}) | {title} |")
    return "\n".join(lines)


def tables(service: Process) -> str:
    """The tables of a service on PostgreSQL: its migrations, in their order, then those that every service has."""
    folders = (ROOT / service.package / "migrations", ROOT / "providers" / "postgres" / "event_tables")
    files = [path for folder in folders for path in sorted(folder.glob("*.sql"))]
    parts = [f"-- {path.relative_to(ROOT)}\n\n{path.read_text().strip()}\n" for path in files]
    return "\n".join([f"-- The tables of {service.name}, made by `make docs` of its migrations.\n", *parts])


def _openapi() -> dict[str, Any]:
    """The document that `mesh contracts export` wrote last."""
    found: dict[str, Any] = json.loads((_CONTRACTS / "openapi.json").read_bytes())
    return found


WHOLE: Final[Mapping[Path, Callable[[], str]]] = {
    **{_CONTRACTS / f"{row.name}.sql": partial(tables, row) for row in WORKERS if row.store == "postgres"},
    _OBSERVABILITY / "dashboard.json": dashboard.dashboard,
    _OBSERVABILITY / "prometheus.yml": partial(prometheus.deployed, PROCESSES),
    _OBSERVABILITY / "prometheus.local.yml": prometheus.local,
    _COLLECTIONS / "northwind.postman_collection.json": lambda: postman(_openapi()),
    _COLLECTIONS / "a-first-order.http": lambda: session_file(_openapi()),
    _COLLECTIONS / "customers.http": lambda: tag_file(_openapi(), "customers"),
    _COLLECTIONS / "orders.http": lambda: tag_file(_openapi(), "orders"),
    _COLLECTIONS / "products.http": lambda: tag_file(_openapi(), "products"),
}
"""Files that are generated as a whole."""
PARTS: Final[Mapping[Path, Callable[[], str]]] = {
    _REFERENCE / "configuration.md": configuration,
    _REFERENCE / "cli.md": commands,
    _REFERENCE / "endpoints.md": endpoints,
    _REFERENCE / "errors.md": reasons,
    _GUIDES / "operating.md": metrics,
    _DECISIONS / "README.md": decisions,
}
_MARKED: Final = re.compile(r"(<!-- generated: `make docs` -->\n).*?(\n<!-- end -->)", re.DOTALL)


def current(page: Path) -> str:
    """The page with its generated part as the code has it now."""
    if page in WHOLE:
        return WHOLE[page]()
    part = PARTS[page]()
    text, found = _MARKED.subn(lambda marks: f"{marks[1]}\n{part}\n{marks[2]}", page.read_text())
    if found != 1:
        raise ValueError(f"{page} must have one generated part")
    return text


if __name__ == "__main__":
    for one in (*PARTS, *WHOLE):
        one.write_text(current(one))
