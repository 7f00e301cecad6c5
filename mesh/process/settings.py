"""What every worker is told by its environment."""

import os
from pathlib import Path

from pydantic import Field, field_validator

from mesh.core.settings import AnyPath
from mesh.nats.settings import NatsSettings
from mesh.security.settings import TokenSettings


class WorkerSettings(NatsSettings, TokenSettings):
    """What every worker is told; a service adds what it owns."""

    mesh_concurrency: int = Field(64, ge=1, le=100_000)
    """Handlers at once, in one process."""
    mesh_queue_size: int = Field(256, ge=0, le=1_000_000)
    """Requests that wait for a free handler. Further callers receive `overloaded` at once."""
    mesh_event_concurrency: int = Field(8, ge=1, le=1_000)
    """Durable events handled at once, in one process. Each holds a database connection while it is handled."""
    mesh_heartbeat_file: AnyPath | None = None
    """A file to touch every second while the process works and NATS is connected.

    `python -m mesh.process.heartbeat` checks it.
    """

    @field_validator("mesh_heartbeat_file")
    @classmethod
    def _can_be_written(cls, file: Path | None) -> Path | None:
        if file is not None and not os.access(file.parent, os.W_OK):
            raise ValueError(f"{file.parent} is no folder that this process may write to")
        return file
