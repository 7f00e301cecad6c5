"""`mesh up --tls`: the whole system with every word to NATS encrypted, as a client and an operator meet it."""

import asyncio
import json
import signal
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from httpx2 import AsyncClient

from tests.security.nats.raw import introduction
from tests.support.command import ALFKI, MESH, mesh
from tests.support.contract.givens import free_key
from tests.support.http.people import bearer, log_in
from tests.support.servers.processes import Process


async def test_the_whole_system_works_with_nats_encrypted_and_nobody_speaks_in_the_clear(tmp_path: Path) -> None:
    home, customer = tmp_path / "home", {"customer_id": free_key(), "company_name": "Made by a test"}
    up = Process(tmp_path / "up.log", MESH, "up", "--tls", "--home", str(home), "--http-port", "0")
    in_the_clear = b""
    await up.start()
    while not (home / "stack.json").exists():
        assert up.running, up.log.read_text()
        await asyncio.sleep(0.05)
    state = json.loads((home / "stack.json").read_bytes())
    assert state["nats_url"].startswith("tls://")
    commands = asyncio.gather(
        mesh("call", "customers.get", ALFKI, MESH_HOME=str(home)), mesh("ls", MESH_HOME=str(home))
    )
    async with AsyncClient(base_url=state["gateway_url"], timeout=20) as http:
        admin = bearer(await log_in(http, **state["admin"]))
        read = await http.get("/v1/customers/ALFKI", headers=admin)
        written = await http.post("/v1/customers", json=customer, headers=admin)
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(state["nats_url"]).port)
    writer.write(introduction(await reader.readline(), (home / "operator.nk").read_text()) + b"PING\r\n")
    with suppress(ConnectionError):
        in_the_clear = await reader.read()
    writer.close()
    called, listed = await commands
    code = await up.end(signal.SIGTERM)

    assert (200, 201) == (read.status_code, written.status_code)
    assert (0, "Alfreds Futterkiste") == (called.code, json.loads(called.out)["company_name"])
    assert (0, True) == (listed.code, all(name in listed.out for name in ("auth", "customers", "products")))
    assert b"PONG" not in in_the_clear
    assert 0 == code
