"""compose.yaml, Dockerfile, nats.conf and the code tell one story; no engine is needed to see where they do not."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path, PurePath
from typing import Any

import pytest
from cryptography import x509
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

from cli.application import application
from console.settings import ConsoleSettings
from gateway.middleware.client_address import ClientAddresses
from gateway.settings import GatewaySettings
from mesh.process.settings import WorkerSettings
from mesh.telemetry.settings import LogSettings, MetricsSettings, TraceSettings
from ops.generated import metrics_host
from ops.process import Process
from ops.prometheus import PORT
from services import PROCESSES, USERS, WORKERS
from subjects import ENDPOINTS
from tests.support.paths import ROOT
from tests.support.service_settings import settings_of
from tests.unit.deployment.images import COMPOSE, PACKAGES, SERVICES, copied, image, stages

DOCKERS_OWN = ("172.16.0.0/12", "192.168.0.0/16")
"""From where Docker takes the networks for which nothing is said: a fixed one among them might be taken already."""
NATS_FILES = ("nats.conf", "nats-tls.conf")
ONE_SHOTS = {"streams"} & SERVICES.keys()
"""Services that end once their work is done."""
SETTINGS: dict[str, type[BaseSettings]] = {
    **{row.name: settings_of(row) for row in PROCESSES},
    "console": ConsoleSettings,
}
PUBLISHED = {"gateway": "8080", "console": "8081"}


@pytest.mark.parametrize("service", PACKAGES)
def test_every_variable_is_one_that_the_process_reads(service: str) -> None:
    known = {
        name.upper()
        for kind in (SETTINGS[service], LogSettings, TraceSettings, MetricsSettings)
        for name in kind.model_fields
    }
    assert set(SERVICES[service]["environment"]) <= known | {OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS}
    needed = {name.upper() for name, field in SETTINGS[service].model_fields.items() if field.is_required()}
    assert needed <= set(SERVICES[service]["environment"])


def test_each_process_is_its_own_user_at_nats_and_the_server_knows_each_by_its_public_key() -> None:
    given = SERVICES["nats"]["environment"]
    asked = {name for file in NATS_FILES for name in re.findall(r"\$(NATS_\w+)", (ROOT / file).read_text())}
    assert asked == set(given)
    assert {f"NATS_{user.upper()}_NKEY" for user in USERS} == {name for name in given if name.endswith("_NKEY")}
    assert not [value for value in given.values() if "_SEED" in value]
    for service in PACKAGES:
        environment = SERVICES[service]["environment"]
        assert f"${{NATS_{service.upper()}_SEED:?see .env.example}}" == environment["NATS_NKEY_SEED"]
        assert "tls://nats:4222" == environment["NATS_URL"]


def test_mongodb_logs_no_slow_operation_since_their_values_are_hashes_of_passwords() -> None:
    command = SERVICES["mongo"]["command"]
    assert "0" == command[command.index("--slowOpSampleRate") + 1]


def test_nats_listens_where_the_processes_look() -> None:
    command = SERVICES["nats"]["command"]
    assert "4222" == command[command.index("-p") + 1]


def test_a_new_nats_conf_comes_with_the_next_up() -> None:
    command = SERVICES["nats"]["command"]
    folder = command[command.index("-c") + 1].removesuffix("nats-tls.conf")
    assert set(NATS_FILES) == copied(stages()["nats"])
    assert stages()["nats"][-1].endswith(f" {folder}")
    assert "nats" == SERVICES["nats"]["build"]["target"]
    assert "build" == SERVICES["nats"]["pull_policy"]


def mounts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each service with each of its mounts that comes from this machine."""
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            if isinstance(volume, dict):
                yield name, volume
            else:
                assert volume.partition(":")[0] in COMPOSE["volumes"], f"{volume}: Docker would make a folder of it"


def test_without_keys_nothing_starts_and_nothing_is_made_in_their_place() -> None:
    assert {"nats", *PACKAGES, *ONE_SHOTS} == {name for name, _ in mounts()}
    for _, mount in mounts():
        assert mount["source"].startswith("./keys/")
        assert {"bind": {"create_host_path": False}, "read_only": True, "type": "bind"}.items() <= mount.items()


def test_what_is_renewed_is_mounted_with_its_folder() -> None:
    single = {mount["source"] for _, mount in mounts() if PurePath(mount["source"]).suffix}
    assert {"./keys/ca.pem"} == single  # read at a start alone, by all


def test_the_certificates_are_those_that_mesh_nats_keys_makes(tmp_path: Path) -> None:
    made = CliRunner().invoke(application(), ["nats", "keys", str(tmp_path / "keys")])
    assert 0 == made.exit_code, made.output
    for name in ("nats", *PACKAGES, *ONE_SHOTS):
        inside = {Path(mount["target"]): tmp_path / mount["source"] for service, mount in mounts() if service == name}
        asked = [Path(value) for value in SERVICES[name]["environment"].values() if value.endswith(".pem")]
        assert asked
        for file in asked:
            where = inside[file] if file in inside else inside[file.parent] / file.name
            assert where.is_file(), file
    assert {"server.pem", "server-key.pem"} == {file.name for file in (tmp_path / "keys" / "nats").iterdir()}
    certificate = x509.load_pem_x509_certificate((tmp_path / "keys" / "nats" / "server.pem").read_bytes())
    hosts = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "nats" in hosts.get_values_for_type(x509.DNSName)
    wanted = set(re.findall(r"\$\{(NATS_\w+):", (ROOT / "compose.yaml").read_text()))
    assert wanted <= {line.partition("=")[0] for line in (tmp_path / "keys" / "nats.env").read_text().splitlines()}


def by_default(text: str) -> str:
    """What stands there where .env says nothing."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_a_proxy_on_this_machine_has_an_address_that_can_be_named() -> None:
    (pool,) = COMPOSE["networks"]["edge"]["ipam"]["config"]
    subnet = ip_network(by_default(pool["subnet"]))
    assert "edge" in SERVICES["gateway"]["networks"]
    assert not any(subnet.overlaps(ip_network(taken)) for taken in DOCKERS_OWN)
    example = (ROOT / ".env.example").read_text()
    assert f"# GATEWAY_TRUSTED_PROXIES={subnet[1]}\n" in example
    assert f"# GATEWAY_SUBNET={subnet}\n" in example
    assert f"`{subnet[1]}`" in (ROOT / "docs" / "guides" / "containers.md").read_text()


def test_who_is_named_in_the_example_is_believed_and_no_other_container(monkeypatch: pytest.MonkeyPatch) -> None:
    (named,) = re.findall(r"^# GATEWAY_TRUSTED_PROXIES=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    monkeypatch.setenv("GATEWAY_TRUSTED_PROXIES", named)
    proxies = GatewaySettings().gateway_trusted_proxies
    for peer, client in ((named, "203.0.113.7"), (other := str(ip_address(named) + 1), other), ("::1", "::1")):
        scope = {"client": (peer, 1), "headers": [(b"x-forwarded-for", b"203.0.113.7")]}
        assert client == ClientAddresses(proxies).find(scope)


def test_only_the_gateway_and_the_console_are_published_and_to_this_machine_alone() -> None:
    assert {*PUBLISHED} == {name for name, service in SERVICES.items() if "ports" in service}
    for name, port in PUBLISHED.items():
        assert [f"127.0.0.1:{port}:{port}"] == [by_default(one) for one in SERVICES[name]["ports"]]
        assert port == SERVICES[name]["environment"][f"{name.upper()}_PORT"]
        assert f"EXPOSE {port}" in image(name)


def test_the_gateway_is_told_of_a_proxy_in_front_and_of_foreign_pages_where_there_are_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GATEWAY_TRUSTED_PROXIES", "GATEWAY_CORS_ORIGINS"):
        assert f"${{{name}:-}}" == SERVICES["gateway"]["environment"][name]
        assert f"# {name}=" in (ROOT / ".env.example").read_text()
        monkeypatch.setenv(name, "")
    assert ((), ()) == (GatewaySettings().gateway_trusted_proxies, GatewaySettings().gateway_cors_origins)


def test_the_console_is_not_on_the_network_of_the_gateways_callers() -> None:
    assert {"mesh", "metrics", "operators"} == set(SERVICES["console"]["networks"])
    assert not COMPOSE["networks"]["operators"]


@pytest.mark.parametrize("row", PROCESSES, ids=lambda row: row.name)
def test_a_process_shows_its_metrics_on_the_network_of_metrics_alone(row: Process) -> None:
    service = SERVICES[row.name]
    host = metrics_host(row)

    assert (str(PORT), host) == tuple(service["environment"][f"METRICS_{name}"] for name in ("PORT", "HOST"))
    others = {name: options for name, options in service["networks"].items() if name != "metrics"}
    assert {"aliases": [host]} == service["networks"]["metrics"]
    assert not any(others.values()), "the name leads to no other network"
    assert not [one for one in service.get("ports", []) if str(PORT) in one]


def test_the_network_of_metrics_has_no_way_out_and_no_server_on_it() -> None:
    assert {"internal": True} == COMPOSE["networks"]["metrics"]
    assert {*PACKAGES} == {name for name, service in SERVICES.items() if "metrics" in service["networks"]}


def test_the_console_reads_the_metrics_of_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_METRICS_URLS", SERVICES["console"]["environment"]["CONSOLE_METRICS_URLS"])
    expected = {row.name: f"http://{metrics_host(row)}:{PORT}/metrics" for row in PROCESSES}
    assert expected == ConsoleSettings().console_metrics_urls


def test_no_two_services_share_a_database_and_neither_gateway_nor_console_reaches_one() -> None:
    databases = {
        service: {network for network in SERVICES[service]["networks"] if network.endswith("-database")}
        for service in PACKAGES
    }
    expected: dict[str, set[str]] = {row.name: {f"{row.name}-database"} if row.store else set() for row in PROCESSES}
    assert {**expected, "console": set()} == databases


def test_everything_is_checked_for_health_and_starts_after_what_it_needs() -> None:
    for name, service in SERVICES.items():
        assert name in ONE_SHOTS or service["healthcheck"]["test"], name
        for other, condition in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONE_SHOTS else "service_healthy"
            assert {"condition": wanted} == condition
    for worker in {endpoint.service for endpoint in ENDPOINTS}:
        assert ["CMD", "python", "-S", "-E", "-m", "mesh.process.heartbeat"] == SERVICES[worker]["healthcheck"]["test"]
        assert [str(Path(SERVICES[worker]["environment"]["MESH_HEARTBEAT_FILE"]).parent)] == SERVICES[worker]["tmpfs"]
        assert "nats" in SERVICES[worker]["depends_on"]


def test_databases_have_time_for_their_first_start() -> None:
    for name in ("postgres", "mongo"):
        assert "3m" == SERVICES[name]["healthcheck"]["start_period"]


def test_no_log_grows_without_bound() -> None:
    for name, service in SERVICES.items():
        assert {"max-size", "max-file"} <= set(service["logging"]["options"]), name


def test_every_secret_comes_from_the_environment_and_stands_in_the_example() -> None:
    text = (ROOT / "compose.yaml").read_text()
    wanted = set(re.findall(r"\$\{(\w+):\?", text))
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert wanted == set(example)
    assert {""} == set(example.values())
    for name in re.findall(r"^\s+(\w*PASSWORD|\w*KEY\w*): (.*)$", text, re.MULTILINE):
        assert "${" in name[1] or name[1].startswith("/"), name


def test_a_stop_leaves_time_for_the_longest_drain() -> None:
    assert "30s" == COMPOSE["x-process"]["stop_grace_period"]
    assert max(endpoint.timeout for endpoint in ENDPOINTS) < 30


def test_workers_take_their_bounds_from_the_environment() -> None:
    for worker in WORKERS:
        assert issubclass(SETTINGS[worker.name], WorkerSettings)
