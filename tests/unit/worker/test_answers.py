from importlib import import_module
from inspect import isclass
from pkgutil import walk_packages

import pytest

from contracts.base import Reply, Request
from mesh.core.endpoint import Access, Endpoint
from mesh.process.run import StartError
from ops.process import Process
from services import WORKERS
from subjects import ENDPOINTS
from worker.answers import answers, collect, declared


class Say(Request):
    """A request."""


class Said(Reply):
    """A reply."""


class Heard(Reply):
    """Another reply."""


SAY = Endpoint("sample.say", Say, Said, Access.ANYONE)
HEAR = Endpoint("sample.hear", Say, Heard, Access.ANYONE)


class Speaker:
    """Answers one endpoint; the rest is its own."""

    @answers(SAY)
    async def say(self, _: Say) -> Said:
        return Said()

    async def help(self) -> None:
        """Answers nothing."""


class Listener:
    """Answers the other."""

    @answers(HEAR)
    async def list(self, _: Say) -> Heard:
        return Heard()


async def test_each_endpoint_is_answered_by_the_method_that_declares_it() -> None:
    found = collect([HEAR, SAY], [Speaker(), Listener()])

    assert [HEAR, SAY] == list(found)
    assert [Heard(), Said()] == [await handler(Say()) for handler in found.values()]


def test_an_endpoint_without_a_handler_ends_the_start() -> None:
    with pytest.raises(StartError, match=r"^handlers: sample\.hear has no handler$"):
        collect([SAY, HEAR], [Speaker()])


@pytest.mark.parametrize("owners", [[Speaker(), Speaker()], [Speaker(), type("Another", (Speaker,), {})()]])
def test_a_second_handler_ends_the_start(owners: list[object]) -> None:
    with pytest.raises(StartError, match=r"sample\.say has a second handler, Speaker\.say"):
        collect([SAY], owners)


def test_a_handler_of_another_services_endpoint_ends_the_start() -> None:
    with pytest.raises(StartError, match=r"Listener\.list answers sample\.hear, which another service owns"):
        collect([SAY], [Speaker(), Listener()])


class WrongReply:
    """Brings what the endpoint does not."""

    @answers(SAY)  # type: ignore[arg-type]  # mypy finds it too
    async def say(self, _: Say) -> Heard:
        return Heard()


class WrongRequest:
    """Takes what the endpoint does not."""

    @answers(SAY)  # type: ignore[arg-type]  # mypy finds it too
    async def say(self, _: Said) -> Said:
        return Said()


class Untyped:
    """Does not say what it takes."""

    @answers(SAY)
    async def say(self, _):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201  # that is the fault
        return Said()


@pytest.mark.parametrize("owner", [WrongReply(), WrongRequest(), Untyped()])
def test_types_that_are_not_the_endpoints_end_the_start(owner: object) -> None:
    with pytest.raises(StartError, match=r"\w+\.say must be Say -> Said, as sample\.say declares"):
        collect([SAY], [owner])


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(StartError, match=r"^handlers: Wrong.*; sample\.hear has no handler$"):
        collect([SAY, HEAR], [WrongReply()])


def owners(package: str) -> list[type]:
    """The classes of a service's package that answer an endpoint."""
    root = import_module(package)
    names = [one.name for one in walk_packages(root.__path__, f"{package}.") if not one.name.endswith("__main__")]
    return [
        kind
        for name in names
        for kind in vars(import_module(name)).values()
        if isclass(kind) and kind.__module__ == name and any(declared(kind))
    ]


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_each_service_answers_its_endpoints(worker: Process) -> None:
    endpoints = [endpoint for endpoint in ENDPOINTS if endpoint.service == worker.name]
    found = collect(endpoints, [object.__new__(owner) for owner in owners(worker.package)])

    assert endpoints == list(found)
