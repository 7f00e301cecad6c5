import pytest

from auth_svc.administration import Administration
from auth_svc.handlers import Handlers as AuthHandlers
from auth_svc.own_account import OwnAccount
from auth_svc.revocation import Revocation
from contracts.base import Reply, Request
from customers_svc.handlers import Handlers as CustomersHandlers
from mesh.core.endpoint import Access, Endpoint
from mesh.process.run import StartError
from orders_svc.handlers import Handlers as OrdersHandlers
from products_svc.handlers import Handlers as ProductsHandlers
from products_svc.stock_handlers import StockHandlers
from subjects import ENDPOINTS
from worker.answers import answers, collect


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
    with pytest.raises(StartError, match=r"\w+\.say must be Say -> Said, as sample\.say is"):
        collect([SAY], [owner])


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(StartError, match=r"^handlers: Wrong.*; sample\.hear has no handler$"):
        collect([SAY, HEAR], [WrongReply()])


SERVICES: dict[str, list[type]] = {
    "auth": [AuthHandlers, OwnAccount, Administration, Revocation],
    "customers": [CustomersHandlers],
    "products": [ProductsHandlers, StockHandlers],
    "orders": [OrdersHandlers],
}


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_answers_its_endpoints(service: str) -> None:
    endpoints = [endpoint for endpoint in ENDPOINTS if endpoint.service == service]
    found = collect(endpoints, [object.__new__(owner) for owner in SERVICES[service]])

    assert endpoints == list(found)
