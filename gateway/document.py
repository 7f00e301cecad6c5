"""Prints the OpenAPI document of this checkout, for tools that may not import the gateway."""

import json

from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.transport.memory import MemoryBroker, MemoryTransport


def main() -> None:
    """Print the document as `GET /openapi.json` has it, whatever the environment says."""
    settings = GatewaySettings.model_construct()
    print(json.dumps(build(settings, MemoryTransport(MemoryBroker())).openapi(), ensure_ascii=False))  # noqa: T201


if __name__ == "__main__":
    main()
