from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil

from tests.support.paths import ROOT
from tests.support.servers.processes import lives
from tests.support.waiting import Eventually

TEST_RUN = """
import asyncio, pathlib, sys
from tests.support.servers.processes import Process, service
from tests.support.servers.nats_server import NatsServer

async def main():
    folder = pathlib.Path(sys.argv[1])
    nats = NatsServer(folder)
    await nats.start()
    await Process(folder / "log", "sleep", "60").start()
    gateway = service(folder / "gateway.log", "gateway", NATS_URL=nats.url, GATEWAY_PORT="0")
    await gateway.start()
    await gateway.said("gateway_started")
    print(gateway.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_what_tests_start_ends_with_them_however_they_end(tmp_path: Path, eventually: Eventually) -> None:
    tests = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TEST_RUN, str(tmp_path)), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert tests.stdout is not None
    gateway = int(await tests.stdout.readline())
    children = psutil.Process(tests.pid).children(recursive=True)
    assert {"nats-server", "sleep"} <= {child.name() for child in children}
    assert gateway in {child.pid for child in children}, "forked by a child"
    tests.kill()
    await tests.wait()
    await eventually(lambda: not any(lives(child) for child in children))
