"""NATS with nats-tls.conf, as `mesh up --tls` and compose.yaml run it: no word in the clear, and to nobody else."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from devstack.certificates import Authority
from devstack.nkeys import USERS, new_seed, public_key, variable
from devstack.servers import Servers
from mesh.errors import Disconnected
from mesh.settings import NatsSettings
from mesh.transport import NatsTransport
from tests.nats_server import NatsServer

CONFIGURATION = Path(__file__).parents[2] / "nats-tls.conf"
SEEDS = {user: new_seed() for user in USERS}


@pytest.fixture(scope="module")
async def encrypted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with Servers(tmp_path_factory.mktemp("an encrypted home"), only=["nats"], tls=True) as servers:
        yield servers


async def connect(url: str, **settings: object) -> NatsTransport:
    given = {"nats_url": url, "nats_connect_timeout": 1, **settings}
    return await NatsTransport.connect(NatsSettings.model_validate(given), "gateway")


async def test_who_trusts_its_authority_connects(encrypted: Servers) -> None:
    gateway = await connect(
        encrypted.nats_url, nats_tls_ca=encrypted.nats_ca, nats_nkey_seed=encrypted.nats_seeds["gateway"]
    )
    assert gateway._client.link.encrypted
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


Start = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """A server with nats-tls.conf and certificates in `tmp_path`; its URL."""

    @asynccontextmanager
    async def start(host: str, *, verify: bool) -> AsyncIterator[str]:
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
            yield server.url.replace("nats://", "tls://")
        finally:
            await server.stop()

    return start


async def test_a_server_by_another_name_is_refused(start: Start, tmp_path: Path) -> None:
    async with start("elsewhere.example", verify=False) as url:
        with pytest.raises(Disconnected, match=r"(?i)certificate verify failed"):
            await connect(url, nats_tls_ca=tmp_path / "ca.pem", nats_nkey_seed=SEEDS["gateway"])


async def test_with_mutual_tls_a_client_needs_a_certificate_besides(start: Start, tmp_path: Path) -> None:
    async with start("127.0.0.1", verify=True) as url:
        ca, seed = tmp_path / "ca.pem", SEEDS["gateway"]
        without = NatsSettings.model_validate({"nats_url": url, "nats_tls_ca": ca}).tls()
        assert without is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        await reader.readline()
        await writer.start_tls(without, server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
            await reader.readline()
        writer.close()

        certificate, key = tmp_path / "gateway.pem", tmp_path / "gateway-key.pem"
        gateway = await connect(url, nats_tls_ca=ca, nats_nkey_seed=seed, nats_tls_cert=certificate, nats_tls_key=key)
        assert gateway.connected
        await gateway.close()
