"""compose.yaml, Dockerfile, nats.conf and the code tell one story; no engine is needed to see where they do not."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from ipaddress import ip_address, ip_network
from pathlib import Path, PurePath
from typing import Any

import pytest
import yaml
from cryptography import x509
from opentelemetry.sdk.environment_variables import OTEL_EXPORTER_OTLP_ENDPOINT
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

from auth_svc.settings import AuthSettings
from cli.application import application
from customers_svc.settings import CustomersSettings
from gateway.middleware.client_address import client_address
from gateway.settings import GatewaySettings
from mesh.process.settings import WorkerSettings
from mesh.telemetry.settings import LogSettings, TraceSettings
from orders_svc.settings import OrdersSettings
from products_svc.settings import ProductsSettings
from services import PROCESSES, USERS, WORKERS
from subjects import ENDPOINTS

ROOT = Path(__file__).parents[3]
DOCKERS_OWN = ("172.16.0.0/12", "192.168.0.0/16")
"""From where Docker takes the networks for which nothing is said: a fixed one among them might be taken already."""
NATS_FILES = ("nats.conf", "nats-tls.conf")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SETTINGS: dict[str, type[BaseSettings]] = {
    "gateway": GatewaySettings,
    "auth": AuthSettings,
    "customers": CustomersSettings,
    "products": ProductsSettings,
    "orders": OrdersSettings,
    "stock": WorkerSettings,
}
PACKAGES = {row.name: row.package for row in PROCESSES}


def stages() -> dict[str, list[str]]:
    """The lines of each stage of the Dockerfile by its name, with those of the stages that it is made from."""
    found: dict[str, list[str]] = {}
    for line in DOCKERFILE.splitlines():
        if start := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            found[start[2]] = list(found.get(start[1], []))
        elif found and line and not line.startswith("#"):
            found[list(found)[-1]].append(line)
    return found


def image(service: str) -> list[str]:
    """The lines of the target from which a process's image is built, with its arguments."""
    build = SERVICES[service]["build"]
    lines = "\n".join(stages()[build["target"]])
    for name, value in build["args"].items():
        assert f"ARG {name}\n" in lines, f"{build['target']} takes no {name}"
        lines = lines.replace(f"${{{name}}}", value)
    assert "${" not in lines
    return lines.splitlines()


def copied(lines: list[str]) -> set[str]:
    """What comes from the repository, not from another stage."""
    own = [line for line in lines if line.startswith("COPY") and "--from=" not in line]
    return {name for line in own for name in line.split()[1:-1] if name[0] != "-"}


def imported(package: str) -> Iterator[str]:
    """The top-level names that a package's modules import."""
    for path in [ROOT / f"{package}.py", *(ROOT / package).rglob("*.py")]:
        if path.exists():
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from (alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module.partition(".")[0]


def ours(package: str) -> set[str]:
    """The packages of this project that a package needs, itself among them."""
    needed, more = {package}, {package}
    while more:
        more = {
            name for one in more for name in imported(one) if (ROOT / name).is_dir() or (ROOT / f"{name}.py").exists()
        } - needed
        needed |= more
    return needed


@pytest.mark.parametrize("service", PACKAGES)
def test_each_process_is_built_from_a_target_that_runs_its_module(service: str) -> None:
    assert f"ENV PACKAGE={PACKAGES[service]}" in image(service)
    assert [r"""CMD ["sh", "-c", "exec python -m \"$PACKAGE\""]"""] == [
        line for line in image(service) if line.startswith("CMD")
    ]
    assert (ROOT / PACKAGES[service] / "__main__.py").exists()


@pytest.mark.parametrize("service", PACKAGES)
def test_an_image_holds_what_its_process_imports_and_no_other_service(service: str) -> None:
    code = {path.removesuffix(".py") for path in copied(image(service)) if not path.startswith("requirements/")}
    assert ours(PACKAGES[service]) == code


def test_a_build_sees_what_it_copies_and_nothing_else() -> None:
    allowed = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"]
    wanted = {path for service in PACKAGES for path in copied(image(service))} | copied(stages()["nats"])
    wanted |= copied(stages()["python"]) | copied(stages()["version"])
    seen = {path.name for pattern in allowed for path in ROOT.glob(pattern.partition("/")[0])}
    assert seen == {path.partition("/")[0] for path in wanted}
    for path in wanted:
        assert (ROOT / path).exists()
        assert any(PurePath(path).match(pattern) for pattern in allowed)


@pytest.mark.parametrize("service", PACKAGES)
def test_an_image_knows_the_version_of_the_package(service: str, tmp_path: Path) -> None:
    *_, make = [line.removeprefix("RUN ") for line in stages()["version"] if line.startswith("RUN")]
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    subprocess.run(
        ["/bin/sh", "-c", make], cwd=tmp_path, check=True, env={"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
    )

    [known] = metadata.distributions(path=[str(tmp_path)])
    assert ("northwind-mesh", metadata.version("northwind-mesh")) == (known.name, known.version)
    assert any(line.startswith("COPY --from=version") for line in image(service))


def test_images_can_be_read_by_their_user_whatever_the_umask_of_the_clone() -> None:
    copies = [line for lines in stages().values() for line in lines if line.startswith("COPY") and ".txt" not in line]
    assert copies
    for line in copies:
        mode = re.search(r"--chmod=(\d+) ", line)
        assert mode, line
        assert (0o055 if "nats" not in line else 0o044) == int(mode[1], 8) & 0o077


@pytest.mark.parametrize("service", PACKAGES)
def test_no_process_runs_as_root_and_each_installs_its_own_lock_file(service: str) -> None:
    assert "USER mesh" in image(service)
    assert f"COPY requirements/{service}.txt requirements.txt" in image(service)
    assert any(line.startswith("RUN pip install") and "-r requirements.txt" in line for line in image(service))


@pytest.mark.parametrize("service", PACKAGES)
def test_every_variable_is_one_that_the_process_reads(service: str) -> None:
    known = {name.upper() for kind in (SETTINGS[service], LogSettings, TraceSettings) for name in kind.model_fields}
    assert set(SERVICES[service]["environment"]) <= known | {OTEL_EXPORTER_OTLP_ENDPOINT}
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
    assert {"nats", *PACKAGES} == {name for name, _ in mounts()}
    for _, mount in mounts():
        assert mount["source"].startswith("./keys/")
        assert {"bind": {"create_host_path": False}, "read_only": True, "type": "bind"}.items() <= mount.items()


def test_what_is_renewed_is_mounted_with_its_folder() -> None:
    single = {mount["source"] for _, mount in mounts() if PurePath(mount["source"]).suffix}
    assert {"./keys/ca.pem"} == single  # read at a start alone, by all


def test_the_certificates_are_those_that_mesh_nats_keys_makes(tmp_path: Path) -> None:
    made = CliRunner().invoke(application(), ["nats", "keys", str(tmp_path / "keys")])
    assert 0 == made.exit_code, made.output
    for name in ("nats", *PACKAGES):
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
        assert client == client_address(scope, proxies)


def test_only_the_gateways_port_is_published_and_to_this_machine_alone() -> None:
    assert {"gateway"} == {name for name, service in SERVICES.items() if "ports" in service}
    assert ["127.0.0.1:8080:8080"] == [by_default(port) for port in SERVICES["gateway"]["ports"]]
    assert "8080" == SERVICES["gateway"]["environment"]["GATEWAY_PORT"]
    assert "EXPOSE 8080" in image("gateway")


def test_the_gateway_is_told_of_a_proxy_in_front_and_of_foreign_pages_where_there_are_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GATEWAY_TRUSTED_PROXIES", "GATEWAY_CORS_ORIGINS"):
        assert f"${{{name}:-}}" == SERVICES["gateway"]["environment"][name]
        assert f"# {name}=" in (ROOT / ".env.example").read_text()
        monkeypatch.setenv(name, "")
    assert ((), ()) == (GatewaySettings().gateway_trusted_proxies, GatewaySettings().gateway_cors_origins)


def test_no_two_services_share_a_database_and_the_gateway_reaches_none() -> None:
    databases = {
        service: {network for network in SERVICES[service]["networks"] if network.endswith("-database")}
        for service in PACKAGES
    }
    assert {row.name: {f"{row.name}-database"} if row.store else set() for row in PROCESSES} == databases


def test_everything_is_checked_for_health_and_starts_after_what_it_needs() -> None:
    for name, service in SERVICES.items():
        assert service["healthcheck"]["test"], name
        for condition in service.get("depends_on", {}).values():
            assert {"condition": "service_healthy"} == condition
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
