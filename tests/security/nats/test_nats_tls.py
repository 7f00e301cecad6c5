"""NATS with nats-tls.conf, as `mesh up --tls` and compose.yaml run it: no word in the clear, and to nobody else."""

import asyncio
import os
import re
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509

from devstack.servers.all import Servers
from mesh.core.errors import Disconnected
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from ops.certificates import Authority
from ops.nkeys import new_seed, public_key, variable
from services import USERS
from tests.support.paths import ROOT
from tests.support.servers.nats_server import NatsServer
from tests.support.waiting import until

CONFIGURATION = ROOT / "nats-tls.conf"
PATIENT = {"nats_connect_timeout": 60}
SEEDS = {user: new_seed() for user in USERS}
WANTED = "requires a client certificate: set NATS_TLS_CERT"


@pytest.fixture(scope="module")
async def encrypted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with Servers(tmp_path_factory.mktemp("an encrypted home"), only=["nats"], tls=True) as servers:
        yield servers


async def connect(url: str, **settings: object) -> NatsTransport:
    """Connect within a second, unless it is said otherwise: who is refused is refused again until then."""
    given = {"nats_url": url, "nats_connect_timeout": 1, **settings}
    return await NatsTransport.connect(NatsSettings.model_validate(given), "gateway")


async def test_who_trusts_its_authority_connects(encrypted: Servers) -> None:
    seed = encrypted.nats_seeds["gateway"]
    gateway = await connect(encrypted.nats_url, nats_tls_ca=encrypted.nats_ca, nats_nkey_seed=seed, **PATIENT)
    assert gateway.connection.socket.encrypted
    await gateway.close()


async def test_who_does_not_trust_its_authority_says_nothing(encrypted: Servers) -> None:
    with pytest.raises(Disconnected, match=r"(?i)certificate verify failed"):
        await connect(encrypted.nats_url, nats_nkey_seed=encrypted.nats_seeds["gateway"])


async def test_nobody_connects_in_the_clear(encrypted: Servers) -> None:
    url = encrypted.nats_url.replace("tls://", "nats://")
    with pytest.raises(Disconnected):
        await connect(url, nats_nkey_seed=encrypted.nats_seeds["gateway"])


async def test_a_certificate_is_no_way_around_the_nkey(encrypted: Servers) -> None:
    with pytest.raises(Disconnected, match=r"(?i)authorization violation"):
        await connect(encrypted.nats_url, nats_tls_ca=encrypted.nats_ca, nats_nkey_seed=new_seed())


def _from(folder: Path) -> str:
    """The way to the configuration from a folder: nats-server includes nothing by another."""
    return os.path.relpath(CONFIGURATION, folder.resolve())


Start = Callable[..., AbstractAsyncContextManager[NatsServer]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """A server with nats-tls.conf and certificates in `tmp_path`."""

    @asynccontextmanager
    async def start(host: str, *, verify: bool) -> AsyncIterator[NatsServer]:
        authority = Authority(tmp_path)
        authority.issue("server", [host])
        authority.issue("gateway")
        files = {"CERT": tmp_path / "server.pem", "KEY": tmp_path / "server-key.pem", "CA": tmp_path / "ca.pem"}
        environment = {variable(user): public_key(seed) for user, seed in SEEDS.items()}
        environment |= {f"NATS_SERVER_{name}": f'"{file}"' for name, file in files.items()}
        environment |= {"NATS_SERVER_VERIFY": str(verify).lower(), "NATS_STORE_DIR": f'"{tmp_path}"'}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        server = NatsServer(tmp_path, f'include "{_from(tmp_path)}"\nhttp: "127.0.0.1:-1"\n')
        await server.start()
        try:
            server.url = server.url.replace("nats://", "tls://")
            yield server
        finally:
            await server.stop()

    return start


async def test_a_server_by_another_name_is_refused(start: Start, tmp_path: Path) -> None:
    async with start("elsewhere.example", verify=False) as server:
        with pytest.raises(Disconnected, match=r"(?i)certificate verify failed"):
            await connect(server.url, nats_tls_ca=tmp_path / "ca.pem", nats_nkey_seed=SEEDS["gateway"])


async def test_with_mutual_tls_a_client_needs_a_certificate_besides(start: Start, tmp_path: Path) -> None:
    async with start("127.0.0.1", verify=True) as server:
        ca, seed = tmp_path / "ca.pem", SEEDS["gateway"]
        without = NatsSettings.model_validate({"nats_url": server.url, "nats_tls_ca": ca}).tls()
        assert without is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()
        await writer.start_tls(without, server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
            await reader.readline()
        writer.close()

        gateway = await connect(server.url, nats_tls_ca=ca, nats_nkey_seed=seed, **certificate_of(tmp_path), **PATIENT)
        assert gateway.connected
        await gateway.close()


def certificate_of(folder: Path) -> dict[str, Path]:
    return {"nats_tls_cert": folder / "gateway.pem", "nats_tls_key": folder / "gateway-key.pem"}


def another(folder: Path) -> Path:
    """The folder of an authority that nobody trusts, with a certificate for the gateway."""
    made = folder / "another"
    made.mkdir(exist_ok=True)
    Authority(made).issue("gateway")
    return made


async def test_whose_certificate_is_refused_learns_it_in_time(start: Start, tmp_path: Path) -> None:
    """Under TLS 1.3 it is refused when for the client the handshake is over; nats-py took itself for connected then."""
    own = {"nats_tls_ca": tmp_path / "ca.pem", "nats_nkey_seed": SEEDS["gateway"]}
    async with start("127.0.0.1", verify=True) as server:
        none, wrong = connect(server.url, **own), connect(server.url, **own, **certificate_of(another(tmp_path)))
        for refused in await asyncio.gather(none, wrong, return_exceptions=True):
            assert isinstance(refused, Disconnected)
            assert re.search(f"within 1 s: .*{WANTED}", str(refused))


async def test_with_mutual_tls_a_wrong_nkey_fails_at_once(start: Start, tmp_path: Path) -> None:
    own = {"nats_tls_ca": tmp_path / "ca.pem", **PATIENT}
    async with start("127.0.0.1", verify=True) as server:
        with pytest.raises(Disconnected, match=r"(?i)within 60 s: .*authorization violation"):
            await connect(server.url, nats_nkey_seed=new_seed(), **own, **certificate_of(tmp_path))


def served(port: int, ca: Path) -> int:
    """The serial number of the certificate that the server shows."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        plain.recv(4096)  # INFO
        with ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname="127.0.0.1") as encrypted:
            shown = encrypted.getpeercert(binary_form=True)
    assert shown
    return x509.load_der_x509_certificate(shown).serial_number


def number(folder: Path) -> int:
    return x509.load_pem_x509_certificate((folder / "server.pem").read_bytes()).serial_number


@pytest.mark.parametrize("lost", ["server.pem", "server-key.pem"])
async def test_a_renewed_certificate_is_shown_after_a_reload(start: Start, tmp_path: Path, lost: str) -> None:
    async with start("127.0.0.1", verify=False) as server:
        before = number(tmp_path)
        assert before == served(server.port, tmp_path / "ca.pem")
        (tmp_path / lost).unlink()
        Authority(tmp_path).issue("server", ["127.0.0.1"])
        assert before != number(tmp_path)
        server.signal(signal.SIGHUP)
        await until(lambda: "Reloaded server configuration" in server.log.read_text())
        assert number(tmp_path) == served(server.port, tmp_path / "ca.pem")


async def test_whose_certificate_is_refused_later_says_so_and_comes_back(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"nats_tls_ca": tmp_path / "ca.pem", "nats_nkey_seed": SEEDS["gateway"], **certificate_of(tmp_path)}
    async with start("127.0.0.1", verify=True) as server:
        gateway = await connect(server.url, **own, **PATIENT)
        await server.kill()
        await until(lambda: not gateway.connected)
        monkeypatch.setenv("NATS_SERVER_CA", f'"{another(tmp_path) / "ca.pem"}"')
        await server.start()
        await until(lambda: gateway.connected or WANTED in gateway.last_error)
        assert not gateway.connected
        await server.kill()
        monkeypatch.setenv("NATS_SERVER_CA", f'"{tmp_path / "ca.pem"}"')
        await server.start()
        await until(lambda: gateway.connected)
        await gateway.close()
