"""Tests that wait for the gateway, on a clock that jumps: each with a mesh, a gateway and an event loop of its own."""

import functools
import inspect
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from gateway.settings import GatewaySettings
from mesh.transport.memory import MemoryTransport
from tests.support.gateway.applications import application
from tests.support.gateway.world import World
from tests.support.virtual_clock import VirtualLoop

P = ParamSpec("P")


@dataclass(frozen=True)
class Scene:
    """What the fixtures of the same names are elsewhere."""

    world: World
    transport: MemoryTransport
    app: FastAPI
    http: AsyncClient


def in_virtual_time(
    settings: GatewaySettings,
) -> Callable[[Callable[Concatenate[Scene, P], Coroutine[Any, Any, None]]], Callable[P, None]]:
    """Give the test a scene, and let no time pass for what it waits for."""

    def decorate(test: Callable[Concatenate[Scene, P], Coroutine[Any, Any, None]]) -> Callable[P, None]:
        async def play(*args: P.args, **kwargs: P.kwargs) -> None:
            world = World()
            await world.start()
            transport = MemoryTransport(world.broker, "gateway")
            app = application(settings, transport)
            async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http:
                await test(Scene(world, transport, app, http), *args, **kwargs)
            await world.stop()

        @functools.wraps(test)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            with closing(VirtualLoop()) as loop:
                loop.run(play(*args, **kwargs))

        parameters = list(inspect.signature(test).parameters.values())
        run.__signature__ = inspect.Signature(parameters[1:])  # type: ignore[attr-defined]  # what pytest looks at
        return run

    return decorate
