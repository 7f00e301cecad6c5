"""Stands in for a service: a gateway that is always ready, or a worker that only waits; each notes its environment."""

from __future__ import annotations

import http.server
import json
import os
import signal
import sys
from pathlib import Path


class _Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class named it
        """Say nothing."""


def main() -> None:
    service, folder = sys.argv[1], Path(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    draft = folder / f"{os.getpid()}.new"
    draft.write_text(json.dumps(dict(os.environ)))
    draft.rename(folder / f"{service}.environment.json")
    print(f"{service} speaks: service_started", flush=True)  # noqa: T201
    if service == "gateway":
        address = (os.environ["GATEWAY_HOST"], int(os.environ["GATEWAY_PORT"]))
        http.server.ThreadingHTTPServer(address, _Ready).serve_forever()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
