"""`mesh conform`: checks a worker in any language by the rules of wire.md."""

import asyncio
import secrets
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.columns import print_columns
from cli.connection import NOBODY_SERVES, HomeOption, expanded, running_stack, silence_log
from cli.failure import fail
from devstack.home.credentials import load_credentials
from devstack.stack.services import ROOT
from mesh.core.errors import Disconnected, Refused
from mesh.core.terminal import escaped
from mesh.nats.settings import NatsSettings
from mesh.process.run import StartError, read_settings

if TYPE_CHECKING:
    from conform.check import Result
    from conform.kit import Material, Options
    from conform.start import Access

_CONTRACT = ROOT / "tests" / "contract"


def conform(
    service: Annotated[str, typer.Argument(help="The service, for example customers.")],
    *,
    only: Annotated[str | None, typer.Option(metavar="INSTANCE", help="Fail if another instance is ready.")] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="INSTANCE", help="Also check that this and the other instance work as one pool."),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="RULE", help="Only this rule or family, such as W-TOK. Repeatable."),
    ] = None,
    jwks_stand_in: Annotated[
        bool, typer.Option("--jwks-stand-in", help="Answer auth.jwks and sign tokens, for a private bus without auth.")
    ] = False,
    private: Annotated[
        bool,
        typer.Option(
            "--private",
            help="Nobody else uses the bus, and it has no streams: stand in for them. --jwks-stand-in implies it.",
        ),
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Repeat the generated payloads of a run.")] = None,
    payloads: Annotated[int, typer.Option(min=1, max=10_000, help="Generated payloads for each endpoint.")] = 25,
    flood: Annotated[int, typer.Option(min=0, max=100_000, help="Requests at once; 0 sends no flood.")] = 3000,
    fault_command: Annotated[
        str | None, typer.Option(help="A command: `away` takes the database away, `back` returns it.")
    ] = None,
    rights_command: Annotated[
        str | None,
        typer.Option(help="A command: `away SUBJECT` makes NATS refuse the subscription, `back` allows it."),
    ] = None,
    stop_command: Annotated[
        str | None, typer.Option(help="A command that sends SIGTERM to the worker, for the last check.")
    ] = None,
    contracts: Annotated[
        Path, typer.Option(callback=expanded, help="The folder of the exported contracts.", show_default=False)
    ] = ROOT / "docs" / "contracts",
    golden: Annotated[
        Path, typer.Option(callback=expanded, help="The folder with examples and vectors.", show_default=False)
    ] = _CONTRACT,
    junit: Annotated[Path | None, typer.Option(help="Also write a JUnit report to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document in place of the table.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Check a running service by the rules of docs/reference/wire.md, in whatever language it is written.

    It writes rows to the service's database: use one that may be thrown away. With NATS_URL set it connects as the
    environment says, otherwise as users of the running `mesh up`.

    Exit status: 0, 1 if a rule is broken, 3 if no instance is ready. A rule that could not be tried is skipped.
    """
    if find_spec("hypothesis") is None or find_spec("jsonschema") is None:
        fail("`mesh conform` needs the extra `conform`: pip install 'northwind-mesh[conform]'")
    from conform.kit import Options  # noqa: PLC0415  # needs the extra
    from conform.report import as_json as document  # noqa: PLC0415
    from conform.report import as_junit  # noqa: PLC0415
    from conform.start import CannotStart, material  # noqa: PLC0415

    silence_log()
    drawn = secrets.randbelow(2**32) if seed is None else seed
    options = Options(
        service,
        only,
        against,
        drawn,
        payloads,
        flood,
        fault_command,
        rights_command,
        stop_command,
        private=private or jwks_stand_in,
    )
    try:
        access = _access(home, stand_in=jwks_stand_in, private=options.private)
        results = asyncio.run(
            _results(options, material(contracts, golden / "examples", golden / "vectors"), access, rules or [])
        )
    except (CannotStart, StartError, Disconnected, Refused) as error:
        fail(str(error), NOBODY_SERVES)
    if junit is not None:
        junit.write_bytes(as_junit(service, drawn, results))
    if as_json:
        typer.echo(document(service, drawn, results))
    else:
        _print(results, drawn)
    if any(one.outcome == "failed" for one in results):
        raise typer.Exit(1)


def _print(results: "list[Result]", seed: int) -> None:
    """For people: what was tried, broken rules last; then what was not tried, by reason; and the counts."""
    from conform.report import by_reason  # noqa: PLC0415  # needs the extra

    tried = sorted((one for one in results if one.outcome != "skipped"), key=lambda one: one.outcome == "failed")
    rows = [(one.rule, one.outcome.value, f"{one.title}: {one.why}") for one in tried]
    print_columns(("rule", "result", "what holds, and why not"), rows)
    for why, rules in by_reason(results).items():
        typer.echo(f"skipped: {escaped(why)}\n  {', '.join(rules)}")
    counts = Counter(one.outcome.value for one in results)
    typer.echo(f"{', '.join(f'{count} {name}' for name, count in sorted(counts.items()))}; --seed {seed}")


async def _results(options: "Options", files: "Material", access: "Access", rules: list[str]) -> "list[Result]":
    from conform.run import chosen, run  # noqa: PLC0415  # needs the extra
    from conform.start import CannotStart, kit  # noqa: PLC0415

    wanted = chosen(rules)
    if not wanted:
        raise CannotStart(f"there is no check of {', '.join(rules)}")
    async with kit(options, files, access) as made:
        return await run(made, wanted)


def _access(home: Path, *, stand_in: bool, private: bool) -> "Access":
    from conform.start import Access, User  # noqa: PLC0415  # needs the extra

    settings = read_settings(NatsSettings)
    stack = None if "nats_url" in settings.model_fields_set else running_stack(home)
    if stack is None:
        if "nats_url" not in settings.model_fields_set:
            raise StartError(f"no mesh runs in {home}: start one with `mesh up`, or set NATS_URL")
        user = User("conform", settings)
        return Access(user, user, stand_in=stand_in)
    if private:
        raise StartError("`mesh up` is no private bus: set NATS_URL to one, or leave --private and --jwks-stand-in out")
    seed = load_credentials(stack.home).nats["gateway"]
    gateway = NatsSettings.model_validate({"nats_url": stack.nats_url, "nats_nkey_seed": seed})
    operator = NatsSettings.model_validate({"nats_url": stack.nats_url, **stack.operator.settings()})
    admin = (stack.admin.email, stack.admin.password)
    return Access(User("gateway", gateway), User("operator", operator), admin, stand_in=stand_in)
