"""What every check works with: the contracts, the bus, tokens, and the service under test."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from conform.bus import TIMEOUT, Bus, NoAnswer, Reply
from conform.check import Skip
from conform.discovered import Instance, Instances
from conform.givens import Givens, Keys
from conform.neighbours.published import Published
from conform.neighbours.stream import Stream, headers_of
from conform.observer import Observer
from conform.shapes import compact
from conform.tokens import Tokens
from mesh.transport.base import NO_HEADERS
from mesh.wire.names import AUTHORIZATION, REQUEST_ID
from ops.contracts.tree import Contracts, EndpointContract, EventContract

NO_TOKEN: Final = ""
"""Sends a request without a token."""


@dataclass(frozen=True)
class Options:
    """What the user asks for."""

    service: str
    only: str | None = None
    against: str | None = None
    seed: int = 0
    payloads: int = 25
    """Generated payloads of each kind for each endpoint."""
    flood: int = 3000
    """Requests at once."""
    fault_command: str | None = None
    rights_command: str | None = None
    stop_command: str | None = None
    patience: float = 20.0
    """Seconds within which a worker must become ready, or not ready."""
    caller: str | None = None
    """The process as which the kit calls, if NATS limits its rights: other endpoints are left out."""
    private: bool = False
    """Whether nobody else uses the bus, and it has no stream of the service's events."""


@dataclass(frozen=True)
class Material:
    """The files that the kit compares with."""

    contracts: Contracts
    reasons: Mapping[str, Any]
    examples: Path
    vectors: Path

    def cases(self, name: str, part: str = "cases") -> list[dict[str, Any]]:
        """The cases of a file of vectors."""
        found: list[dict[str, Any]] = json.loads((self.vectors / f"{name}.json").read_bytes())[part]
        return found


@dataclass
class Kit:
    """One run."""

    options: Options
    material: Material
    bus: Bus
    tokens: Tokens
    instances: Instances
    published: Published
    keys: Keys = field(init=False)
    observer: Observer = field(init=False)
    _streams: list[Stream] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = Keys(secrets.randbits(64))  # rows outlive a run: the same keys would be taken in the next
        shared = {
            name: (one["shared_by"], one["code"]) for name, one in self.material.reasons.items() if one["shared_by"]
        }
        self.observer = Observer(shared)

    @cached_property
    def endpoints(self) -> list[EndpointContract]:
        """The endpoints of the service."""
        caller = self.options.caller
        return [
            one
            for one in self.material.contracts.endpoints.values()
            if one.service == self.options.service and (caller is None or caller in one.callers)
        ]

    @cached_property
    def left_out(self) -> list[str]:
        """The subjects of the service that the caller may not call."""
        of_all = self.material.contracts.endpoints.values()
        return [one.subject for one in of_all if one.service == self.options.service and one not in self.endpoints]

    def endpoint(self, subject: str) -> EndpointContract | None:
        """The endpoint of a subject, if the service has it."""
        return next((one for one in self.endpoints if one.subject == subject), None)

    @cached_property
    def verified(self) -> list[EndpointContract]:
        """The endpoints that verify a token. Raises Skip if there is no token to send, or no such endpoint."""
        found = [one for one in self.endpoints if one.verified]
        if not found:
            raise Skip("no endpoint of the service verifies tokens")
        return found

    def open_endpoint(self) -> EndpointContract:
        """An endpoint that a check may ask anything: one that reads, without a token if possible.

        Raises Skip if the service has no endpoint.
        """
        if not self.endpoints:
            raise Skip("the service has no endpoints")
        reads = sorted((one for one in self.endpoints if one.read), key=lambda one: (one.verified, one.keyed))
        return (reads or self.endpoints)[0]

    async def ask(  # noqa: PLR0913  # each by name
        self,
        endpoint: EndpointContract,
        body: bytes | Mapping[str, object] = b"",
        *,
        token: str | None = None,
        account: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        block: bytes | None = None,
        timeout: float = TIMEOUT,
    ) -> Reply:
        """The reply. A verified endpoint gets an administrator's token; `token` is sent in place of it.

        A reply of the service under test is judged by all general rules too. Raises NoAnswer.
        """
        payload = body if isinstance(body, bytes) else compact(body)
        sent = {REQUEST_ID: f"conform-{secrets.token_hex(8)}", **headers}
        good = self.token(account or "admin") if token is None and (endpoint.verified or account) else token
        if good and AUTHORIZATION not in sent:
            sent[AUTHORIZATION] = f"Bearer {good}"
        reply = await self.bus.ask(endpoint.subject, payload, sent, block=block, timeout=timeout)
        if endpoint.service == self.options.service:
            self.observer.watch(endpoint, reply, sent[REQUEST_ID] if block is None else None)
        return reply

    def token(self, account: str) -> str:
        """The token of an account. Raises Skip without one."""
        found = self.tokens.token(account)
        if found is None:
            raise Skip(f"there is no token of the {account}")
        return found

    @property
    def givens(self) -> Givens:
        """Fresh values for the braces of one example."""
        return Givens(self._succeeds, self.tokens, self.keys)

    async def _succeeds(self, subject: str, request: Mapping[str, object], account: str | None) -> Any:  # noqa: ANN401  # JSON
        if event := self.material.contracts.events.get(subject):
            return await self._announced(event, request)
        endpoint = self.material.contracts.endpoints[subject]
        if self.options.caller not in {None, *endpoint.callers}:
            raise Skip(f"{self.options.caller} may not call {subject}")
        try:
            reply = await self.ask(endpoint, request, account=account, token=None if account else NO_TOKEN)
        except NoAnswer as error:
            raise Skip(str(error)) from None
        if not reply.ok:
            raise Skip(f"{subject} answered {reply.said}")
        return reply.body

    @property
    def handled(self) -> dict[str, EventContract]:
        """The durable events that the service handles, by subject."""
        all_ = self.material.contracts.events.values()
        return {one.subject: one for one in all_ if one.durable and self.options.service in one.handlers}

    async def stream(self) -> Stream:
        """The stream of these events, made when it is first asked for. Raises Skip where the kit cannot make it."""
        if not self.handled:
            raise Skip("the service handles no durable events")
        if not self.options.private:
            raise Skip("the bus has streams of its own: try it on a private bus")
        if not self._streams:
            made = Stream(self.bus, self.options.service, self.handled.values())
            await made.start()
            self._streams.append(made)
        return self._streams[0]

    def payload(self, subject: str, changes: Mapping[str, object]) -> dict[str, object]:
        """The payload of the event's golden file, with changes."""
        path = self.material.examples / "events" / f"{subject}.json"
        return {**json.loads(path.read_bytes())["payload"], **changes}

    async def _announced(self, event: EventContract, changes: Mapping[str, object]) -> dict[str, object]:
        """The payload of an event that the service is to handle now. Raises Skip."""
        if event.subject not in self.handled:
            raise Skip(f"the service does not handle {event.subject}")
        payload = self.payload(event.subject, changes)
        await (await self.stream()).publish(event.subject, compact(payload), headers_of(event))
        return payload

    async def pool(self) -> list[Instance]:
        """The instances under test, ready or not."""
        return await self.instances.found()

    async def until_ready(self, within: float = 15.0) -> list[Instance]:
        """Wait until an instance of the service is ready. Raises NoAnswer."""
        ends = asyncio.get_running_loop().time() + within
        while True:
            found = await self.pool()
            if any(one.ready for one in found):
                return found
            if asyncio.get_running_loop().time() > ends:
                state = f"not ready: {found[0].metadata.get('reason')}" if found else "not there"
                only = f" with the id {self.options.only}" if self.options.only and not self.options.against else ""
                raise NoAnswer(f"no instance of {self.options.service}{only} is ready within {within:g} s: {state}")
            await asyncio.sleep(0.1)
