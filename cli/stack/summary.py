"""Prints what runs where and what to try, once `mesh up` is ready."""

import shlex
import sys
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from cli.columns import print_columns
from devstack.home.state import StackState
from devstack.stack.settings import StackSettings
from services import BY_NAME

_ALFKI = '{"customer_id":"ALFKI"}'


def print_summary(console: Console, state: StackState, console_url: str | None = None) -> None:
    """Print addresses, the first login and commands to try. `console_url` signs in one browser."""
    rows = [(name, str(pid), _where(name, state)) for name, pid in state.processes.items()]
    print_columns(("process", "pid", "where"), rows)
    lines = [
        ("gateway", state.gateway_url),
        ("docs", f"{state.gateway_url}/docs"),
        *([("console", _console(console_url, state))] if console_url else []),
        ("first admin", f"{state.admin.email}  {_admin_password(state)}"),
        ("logs", str(state.logs)),
        ("try", f"curl -s '{state.gateway_url}/v1/products?limit=2'"),
        ("", shlex.join([*_command(), "call", *_home_option(state), "customers.get", _ALFKI])),
        *([("", _curl(state))] if any(name.startswith("auth") for name in state.processes) else []),
        ("or", _nats_request(state)),
        ("", "Ctrl-C stops everything and keeps the data."),
    ]
    for name, file in state.environments.items():
        run = shlex.join([sys.executable, "-m", BY_NAME[name].package])
        lines.append((name, f"is left to you; its environment: {file}"))
        lines.append(("", f"set -a; . {shlex.quote(str(file))}; set +a; {run}"))
    for label, text in lines:
        console.print(
            Text.assemble((f"{label:>12}  ", "cyan"), text), soft_wrap=True
        )  # unwrapped, so that it can be copied


def _console(url: str, state: StackState) -> str:
    """The URL on a terminal; elsewhere only where it is, since others may read a file or a CI log."""
    if sys.stdout.isatty():
        return f"{url}  (signs in once)"
    return f"{url.partition('?')[0]}  (console_url in {state.home / 'stack.json'} signs in)"


def _admin_password(state: StackState) -> str:
    """The password on a terminal; elsewhere only where it is, since others may read a file or a CI log."""
    if not sys.stdout.isatty():
        return f"(password in {state.home / 'stack.json'})"
    made = "as it was created" if "mongo" in state.processes else "if this start created it"
    return f"{state.admin.password}  ({made})"


def _where(name: str, state: StackState) -> str:
    kind, _, number = name.partition("-")
    replica = int(number or 1) - 1
    match kind:
        case "gateway":
            return state.gateway_urls[replica]
        case "nats":
            monitoring = (state.nats_monitor_url or "").split(",")
            return f"{state.nats_url.split(',')[replica]}, monitoring {monitoring[replica]}"
        case "console":
            return (state.console_url or "").partition("?")[0]
        case "postgres":
            return _address(next(iter(state.postgres.values())))
        case "mongo":
            return _address(state.mongo_url or "")
        case worker:
            return f"{worker}.* on NATS"


def _address(url: str) -> str:
    """Host and port of a URL, without its credentials."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"


def _command() -> list[str]:
    """The words by which this command was run, for a shell."""
    program = sys.argv[0]
    return [sys.executable, program] if program.endswith(".py") else [program]


def _curl(state: StackState) -> str:
    """A read over HTTP with an administrator's access token."""
    token = shlex.join([*_command(), "token", *_home_option(state), "--admin", "--header"])
    return f'curl -s {state.gateway_url}/v1/customers/ALFKI -H "$({token})"'


def _home_option(state: StackState) -> list[str]:
    """The option with which `mesh call` finds this stack from the current folder."""
    return [] if state.home == StackSettings.model_fields["home"].default.absolute() else ["--home", str(state.home)]


def _nats_request(state: StackState) -> str:
    operator = state.operator
    parts = ["nats", "-s", state.nats_url]
    parts += ["--user", operator.user] if operator.user else []
    parts += ["--nkey", str(operator.nkey_seed_file)] if operator.nkey_seed_file else []
    parts += ["--tlsca", str(operator.tls_ca)] if operator.tls_ca else []
    request = ["--inbox-prefix", operator.inbox_prefix, "request", "customers.get", _ALFKI]
    password = shlex.quote(operator.password or "") if sys.stdout.isatty() else '"$NATS_PASSWORD"'
    return " ".join([shlex.join(parts), *(["--password", password] if operator.user else []), shlex.join(request)])
