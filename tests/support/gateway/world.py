"""A mesh of fakes behind the gateway: every endpoint gives a fixed reply, or fails as a test wants."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from contracts import auth, auth_audit, customers, orders, products, products_categories, products_suppliers, shipping
from mesh.core import context
from mesh.core.endpoint import Endpoint
from mesh.security.verifier import Verifier
from mesh.service.service import Service
from mesh.telemetry.tracing import Tracer
from mesh.transport.memory import MemoryBroker, MemoryTransport
from subjects import (
    AUTH_AUDIT_LIST,
    AUTH_JWKS,
    AUTH_LOGIN,
    AUTH_LOGOUT,
    AUTH_ME,
    AUTH_PASSWORD_CHANGE,
    AUTH_REFRESH,
    AUTH_REGISTER,
    AUTH_SESSIONS_LIST,
    AUTH_SESSIONS_REVOKE,
    AUTH_SESSIONS_REVOKE_ALL,
    AUTH_SESSIONS_REVOKED,
    AUTH_USERS_GET,
    AUTH_USERS_LIST,
    AUTH_USERS_UPDATE,
    CUSTOMERS_ARCHIVE,
    CUSTOMERS_CREATE,
    CUSTOMERS_GET,
    CUSTOMERS_GET_MANY,
    CUSTOMERS_HISTORY,
    CUSTOMERS_LIST,
    CUSTOMERS_RESTORE,
    CUSTOMERS_UPDATE,
    ENDPOINTS,
    ORDERS_GET_MANY,
    PRODUCTS_CATEGORIES_GET,
    PRODUCTS_CATEGORIES_LIST,
    PRODUCTS_CREATE,
    PRODUCTS_DISCONTINUE,
    PRODUCTS_GET,
    PRODUCTS_GET_MANY,
    PRODUCTS_LIST,
    PRODUCTS_RESTORE,
    PRODUCTS_SUPPLIERS_GET,
    PRODUCTS_SUPPLIERS_LIST,
    PRODUCTS_UPDATE,
    SHIPPING_DELIVER,
    SHIPPING_DISPATCH,
    SHIPPING_GET,
    SHIPPING_LIST,
)
from tests.support.contract import golden
from tests.support.gateway.resources import (
    ALFKI,
    BEVERAGES,
    CHAI,
    ENTRY,
    EXOTIC_LIQUIDS,
    HISTORY,
    NANCY,
    SESSION,
    SHIPMENT,
    TOKENS,
)
from tests.support.gateway.tokens import KEY_ID, SETTINGS, public_key

_ASKED_ABOUT: Final[dict[Endpoint[Any, Any], BaseModel]] = {
    AUTH_REGISTER: NANCY,
    AUTH_LOGIN: TOKENS,
    AUTH_REFRESH: TOKENS,
    AUTH_LOGOUT: auth.LoggedOut(),
    AUTH_ME: NANCY,
    AUTH_PASSWORD_CHANGE: auth.PasswordChanged(),
    AUTH_SESSIONS_LIST: auth.SessionPage(items=(SESSION,)),
    AUTH_SESSIONS_REVOKE: auth.SessionsEnded(),
    AUTH_SESSIONS_REVOKE_ALL: auth.SessionsEnded(),
    AUTH_SESSIONS_REVOKED: auth.RevokedPage(session_ids=("s-revoked",)),
    AUTH_USERS_LIST: auth.UserPage(items=(NANCY,), next_cursor="bmV4dA"),
    AUTH_USERS_GET: NANCY,
    AUTH_USERS_UPDATE: NANCY,
    AUTH_AUDIT_LIST: auth_audit.AuditPage(items=(ENTRY,), next_cursor=None),
    AUTH_JWKS: auth.Jwks(keys=(auth.Jwk(kid=KEY_ID, x=public_key()),)),
    CUSTOMERS_GET: ALFKI,
    CUSTOMERS_GET_MANY: customers.CustomersFound(items=(ALFKI,), missing=()),
    CUSTOMERS_LIST: customers.CustomerPage(items=(ALFKI,), next_cursor="bmV4dA"),
    CUSTOMERS_CREATE: ALFKI,
    CUSTOMERS_UPDATE: ALFKI,
    CUSTOMERS_ARCHIVE: ALFKI,
    CUSTOMERS_RESTORE: ALFKI,
    CUSTOMERS_HISTORY: HISTORY,
    PRODUCTS_GET: CHAI,
    PRODUCTS_GET_MANY: products.ProductsFound(items=(CHAI,), missing=()),
    PRODUCTS_LIST: products.ProductPage(items=(CHAI,), next_cursor=None),
    PRODUCTS_CREATE: CHAI,
    PRODUCTS_UPDATE: CHAI,
    PRODUCTS_DISCONTINUE: CHAI,
    PRODUCTS_RESTORE: CHAI,
    PRODUCTS_CATEGORIES_LIST: products_categories.CategoryPage(items=(BEVERAGES,), next_cursor=None),
    PRODUCTS_CATEGORIES_GET: BEVERAGES,
    PRODUCTS_SUPPLIERS_LIST: products_suppliers.SupplierPage(items=(EXOTIC_LIQUIDS,), next_cursor=None),
    PRODUCTS_SUPPLIERS_GET: EXOTIC_LIQUIDS,
    ORDERS_GET_MANY: orders.OrdersFound.model_validate(golden.sample(ORDERS_GET_MANY.subject)),
    SHIPPING_GET: SHIPMENT,
    SHIPPING_LIST: shipping.ShipmentPage(items=(SHIPMENT,), next_cursor=None),
    SHIPPING_DISPATCH: SHIPMENT,
    SHIPPING_DELIVER: SHIPMENT,
}
"""What tests look at more closely."""


def _shown(endpoint: Endpoint[Any, Any]) -> BaseModel:
    """The reply that the endpoint's golden file shows; a row is in its third version here."""
    reply = golden.sample(endpoint.subject)
    try:
        shown: BaseModel = endpoint.reply.model_validate(reply | ({"version": 3} if "version" in reply else {}))
    except ValidationError as error:
        raise ValueError(f"{endpoint.subject}: give it a reply above, its golden file has none as it stands") from error
    return shown


REPLIES: Final[dict[Endpoint[Any, Any], BaseModel]] = {
    endpoint: _ASKED_ABOUT.get(endpoint) or _shown(endpoint)
    for endpoint in ENDPOINTS
    if endpoint in _ASKED_ABOUT or golden.is_routed(endpoint.subject)
}
"""What each endpoint that the gateway calls replies; the others as their golden files show."""


@dataclass(frozen=True)
class Seen:
    """What a service was asked, and on whose behalf."""

    endpoint: Endpoint[Any, Any]
    request: BaseModel
    authorization: str | None
    request_id: str
    client_address: str | None

    @property
    def sent(self) -> dict[str, Any]:
        """The fields that crossed the wire."""
        return self.request.model_dump(mode="json", exclude_unset=True)


class World:
    """The services, and what they saw."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.seen: list[Seen] = []
        self.fails: dict[Endpoint[Any, Any], Exception] = {}
        """What an endpoint raises in place of its reply."""
        self.replies: dict[Endpoint[Any, Any], Any] = {}
        """What an endpoint replies in place of its usual reply, or what makes that of a request."""
        self.services: dict[str, Service] = {}

    async def start(self, tracer: Tracer | None = None) -> None:
        """Start one worker of each service."""
        for name in sorted({endpoint.service for endpoint in ENDPOINTS}):
            verifier = Verifier(SETTINGS, self._keys)
            service = Service(
                name,
                MemoryTransport(self.broker, name),
                version="1.0.0",
                description="a fake",
                verify=verifier.verify,
            )
            for endpoint in REPLIES:
                if endpoint.service == name:
                    service.add(endpoint, self._handler(endpoint))
            service.tracer = tracer
            await service.start()
            self.services[name] = service

    async def stop(self, *names: str) -> None:
        """Stop these services, all of them where none is named."""
        for name in names or tuple(self.services):
            await self.services.pop(name).drain()

    @property
    def last(self) -> Seen:
        """What was asked last, on a user's behalf."""
        return self.asked[-1]

    @property
    def asked(self) -> list[Seen]:
        """What was asked on users' behalf: not what a gateway needs to know for itself."""
        return [seen for seen in self.seen if seen.endpoint not in (AUTH_JWKS, AUTH_SESSIONS_REVOKED)]

    def _handler(self, endpoint: Endpoint[Any, Any]) -> Any:  # noqa: ANN401  # a handler of whichever type fits
        async def handle(request: BaseModel) -> BaseModel:
            current = context.current()
            assert current is not None
            self.seen.append(Seen(endpoint, request, current.authorization, current.request_id, current.client_address))
            if endpoint in self.fails:
                raise self.fails[endpoint]
            reply = self.replies.get(endpoint, REPLIES[endpoint])
            return reply if isinstance(reply, BaseModel) else reply(request)

        return handle

    async def _keys(self) -> auth.Jwks:
        reply = REPLIES[AUTH_JWKS]
        assert isinstance(reply, auth.Jwks)
        return reply
