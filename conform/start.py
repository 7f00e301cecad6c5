"""Builds a run: reads the files, starts the stand-in for auth, and waits for the service."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from conform.accounts import LoginRefused, logged_in
from conform.bus import Bus, NoAnswer
from conform.discovered import Instances
from conform.kit import Kit, Material, Options
from conform.neighbours.permits import permit
from conform.neighbours.published import Published
from conform.tokens import Given, StandIn, Tokens
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from ops.contracts.document import load
from ops.contracts.tree import Contracts

_AUTH: Final = "auth"


class CannotStart(Exception):
    """There is nothing to check, or it cannot be reached. The text says why."""


@dataclass(frozen=True)
class User:
    """A NATS user and its connection."""

    name: str
    settings: NatsSettings


@dataclass(frozen=True)
class Access:
    """As whom the kit connects: who calls, who discovers, and who may log in (address and password)."""

    caller: User
    finder: User
    admin: tuple[str, str] | None = None
    stand_in: bool = False


def material(contracts: Path, examples: Path, vectors: Path) -> Material:
    """Read the files. Raises CannotStart."""
    try:
        reasons = json.loads((contracts / "reasons.json").read_bytes())["reasons"]
        found = Material(load(contracts), reasons, examples, vectors)
        found.cases("json")
    except (OSError, ValueError, KeyError) as error:
        raise CannotStart(str(error)) from None
    return found


@asynccontextmanager
async def kit(options: Options, files: Material, access: Access) -> AsyncIterator[Kit]:
    """The kit, once an instance is ready. Raises CannotStart, Disconnected, Refused."""
    if options.service not in _services(files.contracts):
        raise CannotStart(f"the contracts have no service {options.service!r}")
    caller = await NatsTransport.connect(access.caller.settings, access.caller.name)
    finder = caller if access.finder == access.caller else None
    try:
        finder = finder or await NatsTransport.connect(access.finder.settings, access.finder.name)
        bus = Bus(caller)
        await bus.start()
        tokens = await _tokens(caller, bus, options, access)
        instances = Instances(Bus(finder), options.service, None if options.against else options.only)
        limited = None if access.finder == access.caller else access.caller.name
        if options.private:
            await permit(bus, options.service)
        published = Published(Bus(finder), options.service, acknowledges=options.private)
        await published.start()
        made = Kit(replace(options, caller=limited), files, bus, tokens, instances, published)
        await _alone(made)
        yield made
    finally:
        for transport in {caller, finder} - {None}:
            if transport is not None:
                await transport.close()


def _services(contracts: Contracts) -> set[str]:
    """The services that answer requests, publish events or handle them."""
    endpoints, events = contracts.endpoints.values(), contracts.events.values()
    handlers = {service for one in events for service in one.handlers}
    return {one.service for one in endpoints} | {one.service for one in events} | handlers


async def _tokens(caller: NatsTransport, bus: Bus, options: Options, access: Access) -> Tokens:
    if access.stand_in:
        if options.service == _AUTH:
            raise CannotStart("auth answers auth.jwks itself: use --private in place of --jwks-stand-in")
        stand_in = StandIn(caller)
        await stand_in.start()
        return stand_in
    if access.admin is None and options.service != _AUTH:
        return Given({})
    try:
        return Given(await logged_in(bus, access.admin))
    except (NoAnswer, LoginRefused) as error:
        raise CannotStart(str(error)) from None


async def _alone(made: Kit) -> None:
    """Make sure that the right instances answer. NATS chooses among all that are ready."""
    try:
        await made.until_ready()
    except NoAnswer as error:
        raise CannotStart(str(error)) from None
    everybody = Instances(made.instances.bus, made.options.service)
    ready = {one.id for one in await everybody.found() if one.ready}
    wanted = {made.options.only, made.options.against} - {None}
    if missing := wanted - ready:
        raise CannotStart(f"not ready: {', '.join(sorted(map(str, missing)))}; ready: {', '.join(sorted(ready))}")
    if made.options.only and (others := ready - wanted):
        raise CannotStart(f"NATS would give requests to {', '.join(sorted(others))} too: stop them first")
