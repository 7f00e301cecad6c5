"""The console's settings."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from mesh.core.settings import DAY, AnyPath, Settings
from mesh.nats.settings import NatsSettings
from mesh.security.settings import TokenSettings


def _urls(text: object) -> object:
    """A JSON object; pydantic-settings' own message would repeat the text."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        raise ValueError("""must be JSON, such as {"gateway": "http://127.0.0.1:9100/metrics"}""") from None


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("is no absolute path")
    return path


AbsolutePath = Annotated[AnyPath, AfterValidator(_absolute)]
Urls = Annotated[dict[str, str], NoDecode, BeforeValidator(_urls)]


class ConsoleLimits(Settings):
    """What the console keeps in memory, and for how long a browser stays signed in."""

    console_spans: int = Field(20_000, ge=100, le=1_000_000)
    """Spans that are kept: some 2,000 requests."""
    console_logs: int = Field(5_000, ge=100, le=1_000_000)
    """Log lines that are kept."""
    console_events: int = Field(1_000, ge=10, le=100_000)
    """Events that are kept."""
    console_sessions: int = Field(100, ge=1, le=10_000)
    """Browsers that are signed in at once. One more signs out the oldest."""
    console_session_lasts: float = Field(43_200.0, gt=0, le=30 * DAY)
    """Seconds until a browser has to sign in again. With an access token, at most until it expires."""
    console_streams: int = Field(50, ge=1, le=10_000)
    """Pages that are open at once."""


class ConsoleSettings(NatsSettings, TokenSettings, ConsoleLimits):
    """Where the console listens, how one signs in, and what it looks at."""

    console_host: str = "127.0.0.1"
    """The address to listen on."""
    console_port: int = Field(8081, ge=0, le=65535)
    """The port to listen on. 0 takes a free port and logs it."""
    console_token: SecretStr | None = None
    """Signs in one browser, once: `http://HOST:PORT/?token=…`."""
    console_key: SecretStr | None = None
    """Signs in any number of browsers, in the same way. Whoever may read stack.json has it."""
    console_otlp_token: SecretStr | None = None
    """The bearer token with which processes send traces and logs. Without it the console takes none."""
    console_metrics_urls: Urls = Field(default_factory=dict, validate_default=False)
    """The metrics URL of each process, as JSON by the process's name."""
    console_stack: AbsolutePath | None = None
    """The stack.json of a running `mesh up`: processes, metrics and why one ended. Read again when it changes."""
    console_mail: AbsolutePath | None = None
    """The home folder whose mail the page shows."""
    console_gateway_url: str | None = None
    """The gateway: is it healthy, and where changes are sent to."""
