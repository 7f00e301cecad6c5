"""What names the processes in configuration is made of services.py, and stays so."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from cli.application import application
from cli.generate import FILES
from ops.generated import generated, sections
from ops.process import Process, Store
from services import PROCESSES
from subjects import AUTH_JWKS
from tests.support.events.durable_events import ALL_EVENTS, ALL_ROWS, EVENTS_SALES_SEEN

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def generate(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(application(["generate"]), ["generate", "--folder", str(folder), *more])


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_services_and_subjects_say(name: str) -> None:
    text = (ROOT / name).read_text()
    assert text == generated(name, text, PROCESSES), "run `make generate`"


@pytest.mark.parametrize("name", FILES)
def test_what_is_out_of_date_is_told_and_written_anew(clone: Path, name: str) -> None:
    assert 0 == generate(clone, "--check").exit_code
    right = (clone / name).read_text()
    stale = "\n".join(line for line in right.splitlines() if "CUSTOMERS" not in line) + "\n"
    (clone / name).write_text(stale)
    checked = generate(clone, "--check")
    assert (1, f"mesh: out of date: {name}; run `mesh generate`\n") == (checked.exit_code, checked.stderr)
    assert stale == (clone / name).read_text()
    assert 0 == generate(clone).exit_code
    assert 0 == generate(clone, "--check").exit_code


def test_what_is_out_of_date_as_json(clone: Path) -> None:
    (clone / "nats.conf").write_text((clone / "nats.conf").read_text().replace("CUSTOMERS_MAY: {", "OTHERS_MAY: {"))

    checked, written, fresh = (generate(clone, *options, "--json") for options in (["--check"], [], []))

    assert (1, {"out_of_date": ["nats.conf"]}) == (checked.exit_code, json.loads(checked.stdout))
    assert (0, {"written": ["nats.conf"]}) == (written.exit_code, json.loads(written.stdout))
    assert (0, {"written": []}) == (fresh.exit_code, json.loads(fresh.stdout))


@pytest.mark.parametrize("store", ["postgres", "mongo", None])
def test_a_row_more_is_a_service_more_and_goes_with_it(clone: Path, store: Store | None) -> None:
    row = Process(
        "invoices", package="invoices_svc", store=store, calls=(AUTH_JWKS,), keys=("INVOICES_KEY",), seeded=True
    )
    made = {name: generated(name, (clone / name).read_text(), [*PROCESSES, row]) for name in FILES}
    compose = yaml.safe_load(made["compose.yaml"])
    invoices = compose["services"]["invoices"]
    arguments = {"SERVICE": "invoices", "PACKAGE": "invoices_svc"}
    assert {"context": ".", "target": store or "stateless", "args": arguments} == invoices["build"]
    assert {"nats", "streams", *([store] if store else [])} == set(invoices["depends_on"])
    assert "${INVOICES_KEY:?see .env.example}" == invoices["environment"]["INVOICES_KEY"]
    assert "${NATS_INVOICES_NKEY:?see .env.example}" == compose["services"]["nats"]["environment"]["NATS_INVOICES_NKEY"]
    assert ["mesh", "metrics", *(["invoices-database"] if store else [])] == list(invoices["networks"])
    assert ("9464", "invoices-metrics") == tuple(
        invoices["environment"][f"METRICS_{name}"] for name in ("PORT", "HOST")
    )
    urls = json.loads(compose["services"]["console"]["environment"]["CONSOLE_METRICS_URLS"])
    assert "http://invoices-metrics:9464/metrics" == urls["invoices"]
    if store:
        server = compose["services"][store]
        assert "invoices" in server["environment"]["DATABASES"].split()
        assert "INVOICES_DATABASE_PASSWORD" in server["environment"]
        assert "invoices-database" in server["networks"]
        assert {"internal": True} == compose["networks"]["invoices-database"]
    example = made[".env.example"].splitlines()
    wanted = {"NATS_INVOICES_NKEY=", "NATS_INVOICES_SEED=", "INVOICES_KEY="}
    assert wanted | ({"INVOICES_DATABASE_PASSWORD="} if store else set()) <= {*example}
    assert "INVOICES_MAY" in made["nats.conf"]
    for name, text in made.items():
        assert (clone / name).read_text() == generated(name, text, PROCESSES)


def test_the_first_durable_event_brings_a_one_shot_that_makes_streams(clone: Path) -> None:
    made = {name: generated(name, (clone / name).read_text(), ALL_ROWS, ALL_EVENTS) for name in FILES}
    services = yaml.safe_load(made["compose.yaml"])["services"]
    assert ["nats", "streams", "--apply"] == services["streams"]["command"]
    assert {"nats": {"condition": "service_healthy"}} == services["streams"]["depends_on"]
    assert ["mesh"] == services["streams"]["networks"]
    seed = services["streams"]["environment"]["NATS_NKEY_SEED"]
    assert "${NATS_DEPLOYER_SEED:?see .env.example}" == seed
    assert seed not in [services[row.name]["environment"]["NATS_NKEY_SEED"] for row in ALL_ROWS]
    for row in ALL_ROWS:
        waits = services[row.name]["depends_on"].get("streams")
        assert ({"condition": "service_completed_successfully"} if row.serves else None) == waits
    assert "NATS_DEPLOYER_SEED=" in made[".env.example"].splitlines()


def test_without_durable_events_nothing_makes_streams(clone: Path) -> None:
    rows = [replace(row, handles=()) for row in ALL_ROWS]
    made = {name: generated(name, (clone / name).read_text(), rows, [EVENTS_SALES_SEEN]) for name in FILES}
    assert "streams" not in yaml.safe_load(made["compose.yaml"])["services"]
    assert "NATS_DEPLOYER_SEED" not in "".join(made.values())


def test_no_mark_is_missing() -> None:
    assert [
        *("nats-keys", "postgres-databases", "postgres-networks", "mongo-databases", "mongo-networks"),
        *("streams", "workers", "metrics-urls", "networks"),
    ] == sections((ROOT / "compose.yaml").read_text())
    assert ["database-passwords", "secrets", "keys"] == sections((ROOT / ".env.example").read_text())


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    refused = generate(tmp_path)
    assert (1, 1) == (refused.exit_code, len(refused.stderr.splitlines()))
    assert "nats.conf" in refused.stderr
