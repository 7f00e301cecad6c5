"""Describes the machine of a benchmark and the versions."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bench.building import node

_ROOT = Path(__file__).parent.parent
_PACKAGES = ("fastapi", "faststream", "uvicorn", "nats-py", "asyncpg", "pydantic")


def describe() -> dict[str, str]:
    """The machine, the commit and the versions, by what each is."""
    return {
        "machine": f"{os.cpu_count()} cores, {_processor()}, {_memory()}, Linux {platform.release()}",
        "commit": _said("git", "describe", "--always", "--dirty"),
        "Python": f"{platform.python_version()} ({_interpreter()}) with {_packages()}",
        "Node.js": f"{_said(node(_ROOT / 'bench' / 'peers' / 'nestjs'), '--version')} for NestJS",
        "Go": _said("go", "version"),
        "load": f"{_said('wrk', '--version')}; {_said('h2load', '--version')}",
    }


def _packages() -> str:
    return ", ".join(f"{name} {version(name)}" for name in _PACKAGES)


def _interpreter() -> str:
    return str(Path(sys.executable).resolve())


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "none"
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=_ROOT)  # noqa: S603  # our own
    said = (done.stdout or done.stderr).strip().splitlines()
    return said[0].split(" [")[0] if said else "unknown"


def _processor() -> str:
    lines = _read("/proc/cpuinfo")
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> str:
    lines = _read("/proc/meminfo")
    return next((f"{int(line.split()[1]) / 2**20:.0f} GiB" for line in lines if line.startswith("MemTotal")), "")


def _read(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
