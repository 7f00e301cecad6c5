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
from tests.support.servers.processes import Process
from tests.support.servers.nats_server import NatsServer

async def main():
    folder = pathlib.Path(sys.argv[1])
    await NatsServer(folder).start()
    await Process(folder / "log", "sleep", "60").start()
    print("started", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_what_tests_start_ends_with_them_however_they_end(tmp_path: Path, eventually: Eventually) -> None:
    tests = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TEST_RUN, str(tmp_path)), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert tests.stdout is not None
    assert b"started\n" == await tests.stdout.readline()
    children = psutil.Process(tests.pid).children()
    assert {"nats-server", "sleep"} == {child.name() for child in children}
    tests.kill()
    await tests.wait()
    await eventually(lambda: not any(lives(child) for child in children))
