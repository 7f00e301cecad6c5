"""What the environment of whoever types may do to the mesh: nothing that it has no setting for."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from mesh.telemetry.settings import LogSettings, MetricsSettings, TraceSettings
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.processes import Process, module, service
from tests.support.service_settings import OF_SERVICES

MESH = str(Path(sys.executable).with_name("mesh"))
POSTGRES = {
    **{f"PG{name}": "nonsense" for name in ("HOST", "PORT", "USER", "PASSWORD", "DATABASE", "SERVICE", "TZ")},
    **{f"PG{name}": "/nowhere" for name in ("SSLCERT", "SSLKEY", "SSLROOTCERT", "SSLCRL", "SERVICEFILE", "DATA")},
    "PGSSLMODE": "require",
    "PGSSLNEGOTIATION": "direct",
    "PGTARGETSESSIONATTRS": "standby",
}
OTHERS = {
    "http_proxy": "http://127.0.0.1:1",
    "HTTPS_PROXY": "nonsense",
    "ALL_PROXY": "nonsense",
    "no_proxy": "nonsense",
    "TZ": "Nowhere/Land",
    "LANG": "xx_YY.nonsense",
    "LC_ALL": "tlh",
    "LANGUAGE": "nonsense",
    "PYTHONPATH": "{hostile}",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONIOENCODING": "ascii",
    "PYTHONSAFEPATH": "1",
    "PYTHONWARNINGS": "error",
    "PYTHONUNBUFFERED": "1",
    "PYTHONMALLOC": "malloc",
    "LD_LIBRARY_PATH": "/nowhere",
    "LD_PRELOAD": "/nowhere.so",
    "MALLOC_ARENA_MAX": "nonsense",
    "GLIBC_TUNABLES": "nonsense",
    "GOMAXPROCS": "nonsense",
    "GOMEMLIMIT": "1MiB",
    "GODEBUG": "nonsense",
    "SSLKEYLOGFILE": "/nowhere/keys",
    "REQUESTS_CA_BUNDLE": "/nowhere",
    "OPENSSL_CONF": "/nowhere",
    "OTEL_SDK_DISABLED": "nonsense",
    "OTEL_TRACES_EXPORTER": "nonsense",
    "OTEL_PYTHON_CONTEXT": "nonsense",
    "WEB_CONCURRENCY": "many",
    "FORWARDED_ALLOW_IPS": "*",
    "UVICORN_PORT": "1",
    "FASTAPI_ENV": "development",
    "MONGODB_URI": "nonsense",
    "MONGODB_URL": "nonsense",
    "OIDC_TOKEN_FILE": "/nowhere",
    "PYDANTIC_DISABLE_PLUGINS": "x",
    "TERM": "nonsense",
    "COLUMNS": "many",
    "LINES": "-1",
    "FORCE_COLOR": "1",
    "JUPYTER_COLUMNS": "many",
    "HOME": "{hostile}/file",
    "USER": "nonsense",
    "LOGNAME": "nonsense",
    "SHELL": "/nowhere",
    "TMPDIR": "/nowhere",
    "NATS_USER": "nonsense",
    "NATS_PASSWORD": "nonsense",
    "NATS_NKEY_SEED": "nonsense",
    "NATS_TLS_CA": "/nowhere",
    "MESH_TOKEN": "a secret",
    "MESH_GATEWAY_URL": "nonsense",
    "GATEWAY_PORT": "1",
    "PATH": "/nowhere",
}
TELEMETRY = {
    *(name.upper() for of in (LogSettings, TraceSettings, MetricsSettings) for name in of.model_fields),
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_BSP_SCHEDULE_DELAY"),
}
OURS = {
    "SSL_CERT_FILE": "/nowhere",
    "LOG_LEVEL": "WARNING",
    "MESH_HTTP_HOST": " ",
    "GATEWAY_HOST": "",
    "AUTH_LOGIN_ATTEMPTS": "7",
    "NATS_URL": "",
}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of modules that end whoever imports them, and a file that is no home directory."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in ("asyncpg", "nats", "motor", "fastapi", "gateway", "customers_svc"):
        (folder / f"{name}.py").write_text("raise SystemExit(9)")
    (folder / "file").touch()
    return folder


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(tmp_path)
    await server.start()
    yield server
    await server.stop()


async def until_ready(up: Process, home: Path) -> dict[str, object]:
    while not (home / "stack.json").exists():
        assert up.running, up.log.read_text()
        await asyncio.sleep(0.05)
    state: dict[str, object] = json.loads((home / "stack.json").read_bytes())
    return state


async def test_mesh_up_gets_ready_and_no_process_sees_what_is_not_for_it(tmp_path: Path, hostile: Path) -> None:
    home = tmp_path / "home"
    told = {name: value.format(hostile=hostile) for name, value in {**POSTGRES, **OTHERS}.items()}
    up = Process(tmp_path / "up.log", MESH, "up", "--home", str(home), "--http-port", "0", **told, **OURS)
    async with up:
        state = await until_ready(up, home)
        processes = state["processes"]
        assert isinstance(processes, dict)
        seen = {name: psutil.Process(pid).environ() for name, pid in processes.items()}
        listening = [
            one.laddr.ip
            for one in psutil.Process(processes["gateway"]).net_connections()
            if one.status == psutil.CONN_LISTEN
        ]
        code = await up.end(signal.SIGTERM)

        assert 0 == code, up.log.read_text()
        assert {"127.0.0.1"} == {*listening}
        for name, environment in seen.items():
            assert set() == {one for one in told if environment.get(one) == told[one]}, name
        for name, kind in OF_SERVICES.items():
            allowed = {field.upper() for field in kind.model_fields} | {"SSL_CERT_FILE", "SSL_CERT_DIR"}
            assert set(seen[name]) - {"LC_CTYPE"} <= allowed | TELEMETRY, name  # which Python adds by itself
        assert {"auth": "7"} == {
            name: of["AUTH_LOGIN_ATTEMPTS"] for name, of in seen.items() if "AUTH_LOGIN_ATTEMPTS" in of
        }


async def test_a_gateway_whose_host_is_blank_listens_to_this_machine_alone(tmp_path: Path, nats: NatsServer) -> None:
    blank = {name.upper(): " " for name in OF_SERVICES["gateway"].model_fields} | {"TRACE_RATIO": "", "LOG_LEVEL": ""}
    for host in ("", "  ", "\n"):
        own = {"GATEWAY_HOST": host, "GATEWAY_PORT": "0", "NATS_URL": nats.url}
        gateway = module(tmp_path / f"gateway{host!r}.log", "gateway", **{**blank, **own})
        async with gateway:
            started = await gateway.said("gateway_started")
            assert "127.0.0.1" == started["host"]
            assert 0 == await gateway.end(signal.SIGTERM)


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("gateway", "GATEWAY_TIMEOUT", "inf"),
        ("gateway", "GATEWAY_STOP_DELAY", "nan"),
        ("gateway", "GATEWAY_HOST", "ü..example"),
        ("gateway", "GATEWAY_TRUSTED_PROXIES", "nonsense"),
        ("gateway", "LOG_LEVEL", "loud"),
        ("gateway", "TRACE_RATIO", "2"),
        ("gateway", "NATS_NKEY_SEED_FILE", "~/nowhere"),
        ("customers_svc", "CUSTOMERS_DATABASE_URL", "postgresql://user:word@host/x?sslmode=perhaps"),
        ("products_svc", "PRODUCTS_DATABASE_URL", " "),
        ("auth_svc", "AUTH_SESSION_LIFETIME", "1e999"),
    ],
)
async def test_a_mistake_is_one_line_that_names_the_variable(
    tmp_path: Path, name: str, variable: str, value: str
) -> None:
    process = service(tmp_path / "process.log", name, **{variable: value})
    async with process:
        assert 1 == await process.wait()
        (line,) = process.log.read_text().splitlines()
        assert ("stopped", True) == (json.loads(line)["event"], variable in json.loads(line)["why"])
