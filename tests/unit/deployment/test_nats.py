"""nats.conf says what subjects.py does, and nothing of what it must not say."""

import ast
import re
import ssl
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from typer.testing import CliRunner

import subjects
from cli.application import application
from cli.nats import make_keys
from devstack.servers import binaries
from mesh.core.endpoint import Access, Endpoint
from mesh.core.event import Event
from ops.callers import read_callers
from ops.nkeys import CONSOLE, DEPLOYER, PEOPLE, new_seed, public_key, variable
from ops.permissions import ANSWER_WITHIN, READS, block, permissions, replaced, users
from ops.process import Process
from ops.streams import streams
from services import PROCESSES, USERS, WORKERS
from subjects import AUTH_JWKS, ENDPOINTS, EVENTS
from tests.support.paths import ROOT

CALLERS = read_callers()
CONFIGURATION = (ROOT / "nats.conf").read_text()


def used(package: str, kind: type[Endpoint[Any, Any]] | type[Event[Any]]) -> set[str]:
    """The subjects of all that the package's modules, and a worker's wiring, take from subjects.py."""
    folders = [package] if package == "gateway" else [package, "worker"]
    names = {
        alias.name
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "subjects"
        for alias in node.names
    }
    return {value.subject for name in names if isinstance(value := getattr(subjects, name), kind)}


def test_the_permissions_are_those_of_subjects() -> None:
    assert CONFIGURATION == replaced(CONFIGURATION, PROCESSES, callers=CALLERS), "run `mesh nats permissions --write`"
    assert block(PROCESSES, callers=CALLERS) in CONFIGURATION
    assert users(PROCESSES, CALLERS) in CONFIGURATION


@pytest.mark.parametrize("process", PROCESSES, ids=lambda row: row.name)
def test_a_process_may_call_what_its_code_calls_and_nothing_else(process: Process) -> None:
    own = {endpoint.subject for endpoint in ENDPOINTS if endpoint.service == process.name}
    assert used(process.package, Endpoint) - own == {one.subject for one in process.calls}


@pytest.mark.parametrize("process", PROCESSES, ids=lambda row: row.name)
def test_a_process_may_hear_the_events_that_its_code_hears_and_nothing_else(process: Process) -> None:
    own = {event.subject for event in EVENTS if event.subject.startswith(f"events.{process.name}.")}
    assert used(process.package, Event) - own == {one.subject for one in (*process.hears, *process.handles)}


def test_each_event_is_handled_by_the_rows_that_its_line_names() -> None:
    handling = {(worker.name, event.subject) for worker in WORKERS for event in worker.handles}
    assert {(name, event.subject) for event in EVENTS for name in event.handled_by} == handling


def test_a_service_serves_all_that_it_may_hear() -> None:
    for worker in WORKERS:
        own = {endpoint.subject for endpoint in ENDPOINTS if endpoint.service == worker.name}
        assert own <= used(worker.package, Endpoint)


def test_each_subject_has_a_row_that_serves_it() -> None:
    serving = {endpoint.service for endpoint in ENDPOINTS}
    assert serving == {worker.name for worker in WORKERS if worker.name in serving or not worker.handles}


def test_a_row_more_gets_its_user_and_its_rights() -> None:
    made = replaced(CONFIGURATION, [*PROCESSES, Process("invoices", package="invoices_svc", calls=(AUTH_JWKS,))])
    assert "{ nkey: $NATS_INVOICES_NKEY, permissions: $INVOICES_MAY }" in made
    assert 'INVOICES_MAY: {\n  publish: { allow: [\n    "auth.jwks"\n' in made
    assert '"$SRV.PING.invoices"' in made
    assert CONFIGURATION == replaced(made, PROCESSES)


def test_a_service_that_publishes_nothing_is_allowed_nothing() -> None:
    """An empty list would allow everything."""
    made = block([*PROCESSES, Process("invoices", package="invoices_svc")])
    assert 'INVOICES_MAY: {\n  publish: { deny: [">"] }\n' in made
    assert not re.search(r"allow: \[\s*\]", made)


def test_what_an_operator_may_call_without_a_token_changes_nothing() -> None:
    for endpoint in READS:
        assert endpoint.idempotent, endpoint.subject
        assert endpoint.access is not Access.ADMIN, endpoint.subject


def test_nobody_but_the_worker_hears_requests() -> None:
    requests = {endpoint.subject for endpoint in ENDPOINTS}
    for user, allowed in permissions(PROCESSES).items():
        for heard in allowed.subscribe:
            assert ">" != heard
            if heard.split()[0] in requests:
                assert (user, "q") == (heard.split(".")[0], heard.split()[1])


@pytest.mark.parametrize("word", ["no_auth_user", "mqtt", "websocket", "leafnodes", "password", "pass", "token"])
def test_there_is_no_other_way_in(word: str) -> None:
    statements = re.sub(r"#.*", "", CONFIGURATION + (ROOT / "nats-tls.conf").read_text())
    assert not re.search(rf"\b{word}\b\s*[:={{]", statements, re.IGNORECASE)


def test_no_key_stands_in_a_file_of_the_repository() -> None:
    for name in ("nats.conf", "nats-tls.conf", "compose.yaml", ".env.example"):
        assert not re.search(r"\b(S?U)[A-Z2-7]{55,57}\b", (ROOT / name).read_text()), name


def checked(file: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What nats-server says of a configuration."""
    argv = [str(binaries.nats_server()), "-t", "-c", str(ROOT / file)]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


def given() -> dict[str, str]:
    return {"NATS_STORE_DIR": "/nowhere", **{variable(user): public_key(new_seed()) for user in USERS}}


def test_the_server_takes_it_and_misses_every_variable() -> None:
    environment = given()
    assert 0 == checked("nats.conf", **environment).returncode
    for name in environment:
        refused = checked("nats.conf", **{key: value for key, value in environment.items() if key != name})
        assert name in refused.stderr
        assert 0 != refused.returncode


def test_permissions_are_printed_and_put_between_their_marks() -> None:
    printed = CliRunner().invoke(application(), ["nats", "permissions"])
    assert block(PROCESSES) == printed.output.strip()
    with pytest.raises(ValueError, match="marks"):
        replaced("accounts: {}", PROCESSES)
    assert CONFIGURATION == replaced(CONFIGURATION.replace('"customers.get", ', ""), PROCESSES)


def test_every_answer_is_due_before_nats_forbids_it() -> None:
    """A worker that hangs keeps its place, and then may answer late, until NATS has missed its pongs."""
    seconds, pings = (
        re.search(rf"^{name}: \"?(\d+)", CONFIGURATION, re.MULTILINE) for name in ("ping_interval", "ping_max")
    )
    assert seconds
    assert pings
    cut_off_after = int(seconds[1]) * (int(pings[1]) + 1.5)
    slowest = max(endpoint.timeout for endpoint in ENDPOINTS)  # of logins too, however long a hash waits for its turn
    assert slowest + cut_off_after < ANSWER_WITHIN


@pytest.mark.parametrize("name", ["nats.conf", "bench/nats.conf"])
def test_no_right_to_answer_is_without_an_end(name: str) -> None:
    rights = re.findall(r"allow_responses: (.*)", (ROOT / name).read_text())
    assert {f'{{ max: 1, expires: "{ANSWER_WITHIN}s" }}'} == set(rights)


def test_runs_at_once_in_one_folder_make_one_set_of_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [*pool.map(lambda _: make_keys(tmp_path, ["localhost"]), range(4))]

    assert [made[0]] * 4 == made
    assert "".join(f"{name}={value}\n" for name, value in made[0].items()) == (tmp_path / "nats.env").read_text()
    for certificate in ("ca", "nats/server", *USERS):
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        context.load_cert_chain(tmp_path / f"{certificate}.pem", tmp_path / f"{certificate}-key.pem")
        x509.load_pem_x509_certificate((tmp_path / f"{certificate}.pem").read_bytes()).verify_directly_issued_by(
            x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
        )


def test_keys_are_made_once_for_each_user_and_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = []
    for _ in range(2):
        assert 0 == CliRunner().invoke(application(), ["nats", "keys", str(folder), "--host", "nats.example"]).exit_code
        told = dict(line.split("=") for line in (folder / "nats.env").read_text().splitlines())
        for user in USERS:
            seed = (folder / f"{user}.nk").read_text()
            assert public_key(seed) == told[variable(user)]
            given = user not in PEOPLE or user == CONSOLE or (user == DEPLOYER and streams(PROCESSES, EVENTS))
            assert (seed if given else None) == told.get(f"NATS_{user.upper()}_SEED")
        made.append([told, *(path.read_bytes() for path in sorted(folder.rglob("*.pem")))])
    assert made[0] == made[1]
    for path in [folder, *folder.rglob("*")]:
        public = path.suffix == ".pem" and not path.stem.endswith("-key")
        wanted = 0o700 if path.is_dir() else 0o644 if public else 0o600
        assert wanted == stat.S_IMODE(path.stat().st_mode), path
