"""Reads every connection parameter from the URL: by itself asyncpg adds libpq's variables and files.

`PGSSLMODE`, `PGPORT`, `PGPASSWORD`, `~/.pgpass` and `~/.postgresql` belong to the person at the terminal and other
databases. asyncpg reads each of them for a parameter that it is not given, so every parameter is given.
"""

import ssl
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import asyncpg
from pydantic import PostgresDsn

_OPTIONAL: Final = ("allow", "prefer")
_VERIFIED: Final = ("verify-ca", "verify-full")
_MODES: Final = ("disable", *_OPTIONAL, "require", *_VERIFIED)
SSL_MODES: Final = "|".join(_MODES)


def connect_arguments(url: str) -> dict[str, Any]:
    """Arguments for asyncpg besides the URL. Raises ValueError, whose message may show the URL."""
    dsn = PostgresDsn(url)
    if dsn.scheme not in ("postgresql", "postgres"):
        raise ValueError(f"{dsn.scheme} is the scheme of another driver")
    query = (
        {name: options[-1] for name, options in parse_qs(dsn.query, strict_parsing=True).items()} if dsn.query else {}
    )
    hosts = dsn.hosts()
    user = unquote(hosts[0]["username"] or "") or query.get("user")
    if not user:
        raise ValueError("it names no user")
    database = unquote((dsn.path or "").removeprefix("/"))
    return {
        "host": [unquote(host["host"] or "").strip("[]") for host in hosts],
        "port": [host["port"] or 5432 for host in hosts],
        "user": user,
        "password": unquote(hosts[0]["password"] or "") or query.get("password", ""),
        "database": database or query.get("dbname") or query.get("database") or user,
        "ssl": _tls(query),
        "connect": _connect_encrypted_if_possible if _mode(query) in _OPTIONAL else asyncpg.connect,
        "direct_tls": query.get("sslnegotiation") == "direct",
        "target_session_attrs": query.get("target_session_attrs", "any"),
        "krbsrvname": query.get("krbsrvname", "postgres"),
        "gsslib": query.get("gsslib", "gssapi"),
    }


def _mode(query: dict[str, str]) -> str:
    return query.get("sslmode", "prefer")


def _tls(query: dict[str, str]) -> ssl.SSLContext | bool:
    """The TLS context, by libpq's parameters (PostgreSQL 18, section 32.19).

    Unlike libpq, verification without `sslrootcert` uses the machine's CAs.
    """
    mode, root = _mode(query), query.get("sslrootcert")
    if mode not in _MODES:
        raise ValueError("no sslmode")
    if mode == "disable":
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _version(query.get("ssl_min_protocol_version", "TLSv1.2"))
    if "ssl_max_protocol_version" in query:
        context.maximum_version = _version(query["ssl_max_protocol_version"])
    context.check_hostname = mode == "verify-full"
    if mode not in _VERIFIED and not (mode == "require" and root):
        context.verify_mode = ssl.CERT_NONE
    elif root in (None, "system"):
        context.load_default_certs()
    else:
        context.load_verify_locations(root)
    if "sslcrl" in query:
        context.load_verify_locations(query["sslcrl"])
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if "sslcert" in query:  # an empty password at least: without one OpenSSL asks the terminal
        context.load_cert_chain(query["sslcert"], query.get("sslkey"), query.get("sslpassword", ""))
    context.set_alpn_protocols(["postgresql"])
    return context


def _version(name: str) -> ssl.TLSVersion:
    try:
        return ssl.TLSVersion[name.replace(".", "_")]
    except KeyError:
        raise ValueError("a TLS version must be TLSv1.2 or TLSv1.3") from None


async def _connect_encrypted_if_possible(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # asyncpg.connect's own
    """Connect as sslmode=prefer does: without TLS if the server offers none."""
    try:
        return await asyncpg.connect(*arguments, **options)
    except (ConnectionError, ssl.SSLError):
        return await asyncpg.connect(*arguments, **{**options, "ssl": False})
