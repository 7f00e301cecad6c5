"""What stack.json says: where the metrics of each process are, and why a process ended. Read again when it changes."""

import asyncio
import json
from pathlib import Path
from typing import Final

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

log = structlog.get_logger()

_LARGEST: Final = 1024 * 1024


class StackFile(BaseModel):
    """The members of stack.json that the console reads."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    processes: dict[str, int] = {}
    metrics_urls: dict[str, str] = {}
    ended: dict[str, str] = {}
    """Why the last process of this name ended."""

    @property
    def ended_by_service(self) -> dict[str, str]:
        """The same by service. Of several processes, each is named: an instance does not tell which one it is."""
        found: dict[str, list[str]] = {}
        for name, why in self.ended.items():
            service = name.partition("-")[0]
            found.setdefault(service, []).append(why if name == service else f"{name} {why}")
        return {service: "; ".join(reasons) for service, reasons in found.items()}


class StackReader:
    """Reads the file if it has changed since the last time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._read = StackFile()

    async def read(self) -> StackFile:
        """The file's contents; the last readable ones if it is gone or unreadable."""
        if self._path is not None:
            await asyncio.to_thread(self._refresh, self._path)
        return self._read

    def _refresh(self, path: Path) -> None:
        try:
            status = path.stat()
            version = (status.st_mtime_ns, status.st_ino)
            if version == self._version or status.st_size > _LARGEST:
                return
            self._read = StackFile.model_validate(json.loads(path.read_bytes()))
            self._version = version
        except OSError:
            return  # `mesh up` ends, or writes it soon
        except (ValueError, ValidationError) as error:
            log.warning("stack_file_unreadable", error=type(error).__name__)
