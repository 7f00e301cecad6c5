"""Prints the OpenAPI document of this checkout, for tools that may not import the gateway."""

import json

from fastapi import FastAPI

from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.transport.memory import MemoryBroker, MemoryTransport


def application() -> FastAPI:
    """The application, whatever the environment says. It connects to nothing."""
    return build(GatewaySettings.model_construct(), MemoryTransport(MemoryBroker()))


def main() -> None:
    """Print the document as `GET /openapi.json` has it."""
    print(json.dumps(application().openapi(), ensure_ascii=False))  # noqa: T201


if __name__ == "__main__":
    main()
