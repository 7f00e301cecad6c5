"""Generates the sections of compose.yaml and .env.example that name processes, from services.py.

Each section is between two marks in a file that is otherwise written by hand:

    # >>> PART: made of services.py by `mesh generate`, a change here is lost
    # <<< PART
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from mesh.core.event import Event
from ops.callers import Caller
from ops.nkeys import CONSOLE, DEPLOYER, PEOPLE, variable
from ops.permissions import replaced
from ops.process import Process, Store
from ops.prometheus import PORT
from ops.streams import streams
from subjects import EVENTS

Rows = Sequence[Process]

_PART = re.compile(
    r"^( *)(# >>> ([\w-]+): made of services\.py by [^\n]*\n)(.*?)^ *# <<< \3\n", re.MULTILINE | re.DOTALL
)
_WANTED = ":?see .env.example}"

_WORKER = """\
{name}:
  <<: *process
  build: {{ context: ., target: {target}, args: {{ SERVICE: {name}, PACKAGE: {package} }} }}
{priority}\
  environment:
    <<: *tracing
    NATS_URL: tls://nats:4222
    NATS_TLS_CA: /etc/nats/ca.pem
    NATS_NKEY_SEED: ${{NATS_{prefix}_SEED:?see .env.example}}
    MESH_HEARTBEAT_FILE: /tmp/heartbeat
    METRICS_PORT: "{port}"
    METRICS_HOST: {metrics_host}
{own}\
  networks: {{ {networks} }}
  depends_on:
{servers}\
  healthcheck:
    <<: *health
    test: ["CMD", "python", "-S", "-E", "-m", "mesh.process.heartbeat"]
"""
_STREAMS = """\
# Creates and updates the streams of durable events before the workers start. Then it ends.
streams:
  <<: *process
  restart: on-failure:5
  build: { context: ., target: command, args: { SERVICE: cli } }
  command: ["nats", "streams", "--apply"]
  environment:
    NATS_URL: tls://nats:4222
    NATS_TLS_CA: /etc/nats/ca.pem
    NATS_NKEY_SEED: ${NATS_DEPLOYER_SEED:?see .env.example}
  networks: [mesh]
  depends_on:
    nats: { condition: service_healthy }
"""
_OUTSIDE = "outside"
"""The network of those who reach servers on the internet."""
METRICS_NETWORK = "metrics"
"""The network of those who read metrics: no process shows them on another one."""
_GIVES_WAY = "  cpu_shares: 128 # of 1024: when cores are busy, it yields to everything else\n"
_URLS: dict[Store, str] = {
    "postgres": "postgresql://{name}:${{{password}:?see .env.example}}@postgres:5432/{name}",
    "mongo": "mongodb://{name}:${{{password}:?see .env.example}}@mongo:27017/{name}?authSource={name}",
}


def generated(
    name: str, text: str, rows: Rows, events: Iterable[Event[Any]] = EVENTS, callers: Sequence[Caller] = ()
) -> str:
    """The generated text of a file.

    Raises ValueError if nats.conf has lost its marks, or if the rows and the events do not fit together.
    """
    declared = tuple(events)
    outside = [caller.name for caller in callers]
    makers = _makers(outside, has_streams=bool(streams(rows, declared)))
    if name == "nats.conf":
        return replaced(text, rows, declared, callers)

    def part(found: re.Match[str]) -> str:
        indent, begin, what, _ = found.groups()
        made = textwrap.indent(makers[what](rows), indent)
        return f"{indent}{begin}{made}{indent}# <<< {what}\n"

    return _PART.sub(part, text)


def sections(text: str) -> list[str]:
    """The names of the sections whose marks are in a text."""
    return [found[3] for found in _PART.finditer(text)]


def password(row: Process) -> str:
    """The variable with the password of a process's database."""
    return f"{row.prefix}_DATABASE_PASSWORD"


def metrics_host(row: Process) -> str:
    """The name of a process on the network of metrics alone: nobody connects to its metrics over another one."""
    return f"{row.name}-metrics"


def _stored(rows: Rows, store: Store) -> list[Process]:
    return [row for row in rows if row.store == store]


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _nats_keys(rows: Rows, outside: Iterable[str]) -> str:
    names = [variable(user) for user in (*(row.name for row in rows), *PEOPLE, *outside)]
    return _lines(f"{name}: ${{{name}{_WANTED}" for name in names)


def _databases(store: Store) -> Callable[[Rows], str]:
    def made(rows: Rows) -> str:
        stored = _stored(rows, store)
        passwords = (f"{password(row)}: ${{{password(row)}{_WANTED}" for row in stored)
        return _lines([f"DATABASES: {' '.join(row.name for row in stored)}", *passwords])

    return made


def _networks_of(store: Store) -> Callable[[Rows], str]:
    return lambda rows: f"networks: [{', '.join(f'{row.name}-database' for row in _stored(rows, store))}]\n"


def _networks(rows: Rows) -> str:
    databases = [f"{row.name}-database: {{ internal: true }}" for row in rows if row.store]
    return _lines([*databases, *([f"{_OUTSIDE}: {{}}"] if any(row.mails for row in rows) else [])])


def _workers(rows: Rows, *, has_streams: bool) -> str:
    return "\n".join(_worker(row, has_streams=has_streams) for row in rows if row.serves)


def _worker(row: Process, *, has_streams: bool) -> str:
    own = []
    if row.store and row.url_variable:
        own.append(f"{row.url_variable}: {_URLS[row.store].format(name=row.name, password=password(row))}")
    own += [f"{name}: ${{{name}{_WANTED}" for name in _own_variables(row)]
    own += [f'{row.prefix}_SEED: "true"'] if row.seeded else []
    return _WORKER.format(
        name=row.name,
        prefix=row.prefix,
        package=row.package,
        target=row.target,
        priority=_GIVES_WAY if row.gives_way else "",
        own=textwrap.indent(_lines(own), "    "),
        port=PORT,
        metrics_host=metrics_host(row),
        networks=", ".join(f"{name}: {options}" for name, options in _networks_of_worker(row).items()),
        servers=_lines(
            [
                *(f"    {server}: {{ condition: service_healthy }}" for server in row.servers),
                *(["    streams: { condition: service_completed_successfully }"] if has_streams else []),
            ]
        ),
    )


def _networks_of_worker(row: Process) -> dict[str, str]:
    """The options of each network, by its name."""
    return {
        "mesh": "{}",
        METRICS_NETWORK: f"{{ aliases: [{metrics_host(row)}] }}",
        **({f"{row.name}-database": "{}"} if row.store else {}),
        **({_OUTSIDE: "{}"} if row.mails else {}),
    }


def _metrics_urls(rows: Rows) -> str:
    """One member on each line: YAML folds them into one."""
    urls = [f'"{row.name}": "http://{metrics_host(row)}:{PORT}/metrics"' for row in rows]
    lines = ",\n".join(urls)
    return f"CONSOLE_METRICS_URLS: >-\n  {{\n{textwrap.indent(lines, '  ')}\n  }}\n"


def _own_variables(row: Process) -> list[str]:
    admin = [f"{row.prefix}_ADMIN_EMAIL", *row.passwords] if row.admin else []
    return [*row.keys, *admin, *row.mail_variables]


def _example_passwords(rows: Rows) -> str:
    return _lines(f"{password(row)}=" for store in ("postgres", "mongo") for row in rows if row.store == store)


def _example_secrets(rows: Rows) -> str:
    lines = []
    for row in rows:
        if row.keys:
            lines.append("# 32 bytes in base64, such as `openssl rand -base64 32` makes.")
            lines += [f"{name}=" for name in row.keys]
        if row.admin:
            lines.append("# The first administrator, created at a start if there is none.")
            lines.append("# The password has at least 15 characters.")
            lines += [f"{row.prefix}_ADMIN_EMAIL=", *(f"{name}=" for name in row.passwords)]
        if row.mails:
            lines.append(
                "# The mail server, such as smtp://user:password@mail.example:587, and the address of the sender."
            )
            lines += [f"{name}=" for name in row.mail_variables]
    return _lines(lines)


def _example_keys(rows: Rows, outside: Iterable[str], *, has_streams: bool) -> str:
    own = [line for row in rows for line in (f"{variable(row.name)}=", f"NATS_{row.prefix}_SEED=")]
    people = [f"NATS_{user.upper()}_SEED=" for user in (*([DEPLOYER] if has_streams else []), CONSOLE)]
    return _lines([*own, *(f"{variable(user)}=" for user in (*PEOPLE, *outside)), *people])


def _makers(outside: Sequence[str], *, has_streams: bool) -> dict[str, Callable[[Rows], str]]:
    return {
        "nats-keys": partial(_nats_keys, outside=outside),
        "postgres-databases": _databases("postgres"),
        "postgres-networks": _networks_of("postgres"),
        "mongo-databases": _databases("mongo"),
        "mongo-networks": _networks_of("mongo"),
        "streams": lambda _: _STREAMS if has_streams else "",
        "workers": partial(_workers, has_streams=has_streams),
        "metrics-urls": _metrics_urls,
        "networks": _networks,
        "database-passwords": _example_passwords,
        "secrets": _example_secrets,
        "keys": partial(_example_keys, outside=outside, has_streams=has_streams),
    }
