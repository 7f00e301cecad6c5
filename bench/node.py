"""The NestJS peer's installation: its packages as package-lock.json pins them, and its compiled sources."""

import asyncio
import shutil
from pathlib import Path

from bench.errors import BenchError

_OLDEST = (20, 19)


async def build_nestjs(folder: Path) -> None:
    """Install and compile where something has changed since. Raises BenchError that says what is in the way."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise BenchError("there is no Node.js with npm on this machine")
    version = (await _run(folder, "node", "--version")).strip()
    if tuple(map(int, version.removeprefix("v").split(".")[:2])) < _OLDEST:
        raise BenchError(f"Node.js {version} is older than {'.'.join(map(str, _OLDEST))}")
    if _is_older(folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"):
        await _run(folder, "npm", "ci")
    if any(_is_older(folder / "dist" / "gateway.js", source) for source in (folder / "src").iterdir()):
        await _run(folder, "npm", "run", "build")


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
