"""The URL is the whole truth: neither libpq's variables nor its files count, for any server."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from ops.certificates import Authority
from providers.errors import DatabaseRefused, DatabaseUnavailable
from providers.postgres.database import open_database

NONSENSE = {
    **{f"PG{name}": "nonsense" for name in ("HOST", "PORT", "USER", "PASSWORD", "DATABASE", "SERVICE", "OPTIONS")},
    **{f"PGSSL{name}": "/nowhere" for name in ("CERT", "KEY", "ROOTCERT", "CRL")},
    "PGSSLMINPROTOCOLVERSION": "nonsense",
    "PGSSLMAXPROTOCOLVERSION": "nonsense",
    "PGSSLNEGOTIATION": "direct",
    "PGTARGETSESSIONATTRS": "standby",
    "PGKRBSRVNAME": "nonsense",
    "PGGSSLIB": "nonsense",
    "PGSERVICEFILE": "/nowhere",
    "PGPASSFILE": "/nowhere",
}
SSL_REQUEST = bytes.fromhex("00000008 04d2162f")


@pytest.fixture
def environment(tmp_path: Path) -> pytest.MonkeyPatch:
    """The home directory holds libpq's files, all of them damaged."""
    folder = tmp_path / ".postgresql"
    folder.mkdir()
    for name in ("root.crt", "root.crl", "postgresql.crt", "postgresql.key"):
        (folder / name).write_text("nonsense")
    (tmp_path / ".pg_service.conf").write_text("nonsense")
    (tmp_path / ".pgpass").write_text("*:*:*:*:wrong")
    (tmp_path / ".pgpass").chmod(0o600)
    patch = pytest.MonkeyPatch()
    patch.setenv("HOME", str(tmp_path))
    return patch


@pytest.fixture(autouse=True)
def hostile(environment: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in NONSENSE.items():
        environment.setenv(name, value)
    yield
    environment.undo()


@asynccontextmanager
async def encrypting(url: str, context: ssl.SSLContext, seen: list[bytes]) -> AsyncIterator[int]:
    """A port that speaks PostgreSQL's TLS, before a server that has none; it notes how each connection began."""
    parts = urlsplit(url)
    writers: list[asyncio.StreamWriter] = []
    pumps: list[asyncio.Task[None]] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        first = await reader.readexactly(8)
        seen.append(first)
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        writers.append(back)
        if first == SSL_REQUEST:
            writer.write(b"S")
            with suppress(OSError):  # a client that does not trust us
                await writer.start_tls(context)
        else:
            back.write(first)
        pumps.extend((asyncio.create_task(pump(reader, back)), asyncio.create_task(pump(there, writer))))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in writers:
            one.transport.abort()
        await asyncio.gather(*pumps, return_exceptions=True)
        await server.wait_closed()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("postgres-tls")
    Authority(folder).issue("server", ["127.0.0.1"])
    Authority(folder).issue("elsewhere", ["elsewhere.test"])
    return folder


def context(certificates: Path, name: str = "server") -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}-key.pem")
    return made


async def reached(url: str) -> str:
    async with open_database(SecretStr(url), name="test", size=1, connect_timeout=0.5) as database:
        row = await database.fetchrow("SELECT current_user || '@' || current_database()")
        assert row is not None
        return str(row[0])


@pytest.mark.parametrize("mode", ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=allow"])
async def test_a_server_without_tls_is_reached_whatever_the_terminal_says(customers_url: str, mode: str) -> None:
    assert "customers@customers" == await reached(customers_url.partition("?")[0] + mode)


async def test_the_database_is_the_users_unless_the_url_names_one(customers_url: str) -> None:
    bare = urlsplit(customers_url)._replace(path="", query="").geturl()
    assert "customers@customers" == await reached(bare)


async def test_a_password_is_in_the_url_or_there_is_none(customers_url: str, environment: pytest.MonkeyPatch) -> None:
    parts = urlsplit(customers_url)
    environment.setenv("PGPASSWORD", str(parts.password))
    (Path.home() / ".pgpass").write_text(f"*:*:*:*:{parts.password}")
    without = parts._replace(netloc=f"customers@127.0.0.1:{parts.port}").geturl()
    with pytest.raises(DatabaseRefused, match="password"):
        await reached(without)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_encryption_that_is_asked_for_and_not_there_is_an_outage(customers_url: str, mode: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="rejected SSL upgrade"):
        await reached(f"{customers_url.partition('?')[0]}?sslmode={mode}")


@pytest.mark.parametrize("parameters", ["", "?sslmode=require", "?sslmode=verify-ca&{ca}", "?sslmode=verify-full&{ca}"])
async def test_a_server_that_encrypts_is_reached_encrypted(
    customers_url: str, certificates: Path, parameters: str
) -> None:
    seen: list[bytes] = []
    async with encrypting(customers_url, context(certificates), seen) as port:
        url = urlsplit(customers_url.partition("?")[0])
        netloc = url.netloc.replace(f":{url.port}", f":{port}")
        told = parameters.format(ca=f"sslrootcert={certificates / 'ca.pem'}")
        assert "customers@customers" == await reached(url._replace(netloc=netloc).geturl() + told)
    assert {SSL_REQUEST} == set(seen)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("server", "sslmode=verify-ca"),  # this machine trusts no such authority
        ("server", "sslmode=verify-full"),
        ("elsewhere", "sslmode=verify-full&sslrootcert={ca}"),
        ("server", "sslmode=require&sslrootcert={other}"),
    ],
)
async def test_a_server_that_is_not_the_one_meant_is_refused(
    customers_url: str, certificates: Path, tmp_path: Path, name: str, parameters: str
) -> None:
    Authority(tmp_path)
    async with encrypting(customers_url, context(certificates, name), []) as port:
        url = urlsplit(customers_url.partition("?")[0])
        netloc = url.netloc.replace(f":{url.port}", f":{port}")
        told = parameters.format(ca=certificates / "ca.pem", other=tmp_path / "ca.pem")
        with pytest.raises(DatabaseUnavailable, match="certificate verify failed"):
            await reached(f"{url._replace(netloc=netloc).geturl()}?{told}")
