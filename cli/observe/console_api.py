"""How a command asks the console of `mesh up`: with the key that stack.json has."""

import json
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from cli.connection import NOBODY_SERVES, stack_here
from cli.failure import fail

_TIMEOUT: Final = 10.0
_MAX_ANSWER: Final = 32 * 1024 * 1024
_NOT_FOUND: Final = 404


class ConsoleApi:
    """The console of the stack in `home`."""

    def __init__(self, home: Path) -> None:
        """Ends the program if no mesh runs there, or none with a console."""
        self._home = home
        url = stack_here(home).console_url
        if url is None:
            fail("the console does not run: start `mesh up` without --no-console", NOBODY_SERVES)
        parts = urlsplit(url)
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._key = parse_qs(parts.query).get("token", [""])[0]

    def ask(self, path: str, method: str = "GET") -> Any:  # noqa: ANN401  # any JSON
        """The JSON of the console's answer; None if it has no such thing. Any other failure ends the program."""
        request = Request(self.url + path, method=method, headers={"Authorization": f"Bearer {self._key}"})  # noqa: S310  # http
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=_TIMEOUT) as answer:
                return json.loads(answer.read(_MAX_ANSWER + 1))
        except HTTPError as error:
            if error.code == _NOT_FOUND:
                return None
            fail(f"the console answers {error.code} to {path}")
        except (URLError, OSError, HTTPException, ValueError, RecursionError) as error:
            fail(f"the console at {self.url} does not answer: {error}; `mesh logs console` says why", NOBODY_SERVES)
