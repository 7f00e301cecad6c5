import re
from typing import Any

import pytest

from auth_svc.repository import LIFETIME, sessions, users
from auth_svc.throttle import MAILS
from carts_svc.prices import WITHIN
from carts_svc.repository import KEPT
from contracts.auth_mail import TokenPurpose
from contracts.base import LONGEST_PAGE
from contracts.customers_import import MOST_ROWS
from contracts.orders import MOST_LINES, MOST_LINES_TOGETHER, MOST_UNITS
from contracts.products_prices import MOST_CHANGES
from customers_svc.settings import CustomersSettings
from gateway.access.revocations import MOST_PAGES
from gateway.api.together.schemas import MOST_READS
from gateway.problems import STATUS
from gateway.reshaping.inner import AT_ONCE, MOST_TOGETHER
from gateway.routing.following import LONGEST_WAIT
from gateway.semantics.records import LONGEST_ROW
from gateway.server import UNACKNOWLEDGED
from gateway.settings import GatewaySettings
from gateway.upstream.client import SLOW
from gateway.upstream.followers import MOST_WAITING
from gateway.upstream.response_cache import MAX_AGE
from mesh.core.endpoint import MAX_LIST_REPLY, MAX_REPLY, Endpoint
from mesh.core.event import MAX_DURABLE
from mesh.events.consumer import TIMEOUT
from mesh.events.jetstream import ACK_WAIT
from mesh.events.retries import Retries
from mesh.nats.settings import NatsSettings
from mesh.process.settings import WorkerSettings
from mesh.service import clocks
from mesh.telemetry import log_limit
from mesh.transport import events
from mesh.wire import discovery, headers, problem
from ops.streams import MOST_IN_FEED
from orders_svc.settings import OrdersSettings
from products_svc.settings import ProductsSettings
from providers.mongo import database as mongo
from providers.postgres import connections
from shipping_svc import due, timers
from shipping_svc.settings import ShippingSettings
from subjects import (
    AUTH_JWKS,
    CARTS_CHECKOUT,
    CUSTOMERS_GET_MANY,
    CUSTOMERS_IMPORT_ROWS,
    CUSTOMERS_LIST,
    ENDPOINTS,
    ORDERS_CANCEL,
    ORDERS_GET,
    ORDERS_GET_MANY,
    ORDERS_PLACE,
    PRODUCTS_BULK_CHANGE,
    PRODUCTS_STOCK_COMMIT,
    PRODUCTS_STOCK_RELEASE,
    PRODUCTS_STOCK_RESERVE,
    PRODUCTS_SUPPLIERS_LIST,
    SHIPPING_DELIVER,
    SHIPPING_DISPATCH,
    SHIPPING_GET,
)
from tests.support.paths import ROOT

LONGER = (CUSTOMERS_IMPORT_ROWS, CUSTOMERS_LIST)
"""What takes longer requests than the others."""
RETRIES = Retries()

DOCUMENT = (ROOT / "docs" / "reference" / "limits.md").read_text()
ROWS = re.findall(r"^\| (?!limit )(.+?) \| (.+?) \| (.+?) \| (.+?) \|$", DOCUMENT, re.MULTILINE)
SETTINGS = (
    GatewaySettings,
    WorkerSettings,
    NatsSettings,
    CustomersSettings,
    ProductsSettings,
    OrdersSettings,
    ShippingSettings,
)
DEFAULTS = {
    name.upper(): field.default for settings in reversed(SETTINGS) for name, field in settings.model_fields.items()
}
MILLISECONDS = {"s": 1000, "ms": 1}
UNITS = {"KiB": 1024, "MiB": 1024**2, "s": 1, "days": 24 * 3600}


def number(text: str) -> float:
    """What a cell says, in bytes or seconds where it has a unit."""
    value, _, unit = text.partition(" ")
    return float(value) * UNITS.get(unit, 1)


def longest_reply(*endpoints: Endpoint[Any, Any]) -> int:
    """The bytes that a reply of these, all alike, may have."""
    [most] = {endpoint.max_reply for endpoint in endpoints}
    return most


def seconds(setting: str) -> float:
    """What PostgreSQL makes of a setting of the session."""
    found = re.fullmatch(r"(\d+)(s|ms)", connections.SESSION[setting])
    assert found
    return int(found[1]) * MILLISECONDS[found[2]] / 1000


@pytest.mark.parametrize(
    ("default", "variable"), [(row[1], row[2].strip("`")) for row in ROWS if re.fullmatch(r"`[A-Z_]+`", row[2])]
)
def test_what_a_variable_sets_has_the_default_that_is_stated(default: str, variable: str) -> None:
    assert number(default) == DEFAULTS[variable]


def test_every_limit_of_the_gateway_is_stated() -> None:
    stated = {row[2].strip("`") for row in ROWS}
    assert set() == {
        f"GATEWAY_{name}" for name in ("HOST", "PORT", "REUSE_PORT", "STOP_DELAY", "TRUSTED_PROXIES", "CORS_ORIGINS")
    } ^ {variable for variable in DEFAULTS if variable.startswith("GATEWAY_") and variable not in stated}


def test_what_no_variable_sets_is_as_stated() -> None:
    stated = {row[0]: number(row[1]) for row in ROWS if not re.fullmatch(r"`[A-Z_]+`", row[2])}
    max_payload = re.search(r"^max_payload: (\d+)MB$", (ROOT / "nats.conf").read_text(), re.MULTILINE)
    assert max_payload
    message = int(max_payload[1]) * 1024**2
    assert {
        "time for a client to acknowledge what was sent (TCP, on Linux)": UNACKNOWLEDGED,
        "events that wait for one stream's client to read": MOST_WAITING,
        "events of the last day to resume from": MOST_IN_FEED,
        "reads in a batch": MOST_READS,
        "reads of a batch or a dashboard in flight": AT_ONCE,
        "answers of a batch or a dashboard together": MOST_TOGETHER,
        "time for `wait`": LONGEST_WAIT,
        "message, headers included: request": message,
        "message, headers included: reply": message,
        "row of an import": LONGEST_ROW,
        "payload of a request": max(one.max_request for one in ENDPOINTS if one not in LONGER),
        "payload of a request: `customers.import_rows`": CUSTOMERS_IMPORT_ROWS.max_request,
        "payload of a request: `customers.list`": CUSTOMERS_LIST.max_request,
        "rows of `customers.import_rows`": MOST_ROWS,
        "reply: `customers.import_rows`": longest_reply(CUSTOMERS_IMPORT_ROWS),
        "difference of the clocks of two processes": clocks.BOUND,
        "reply": MAX_REPLY,
        "reply: a list": MAX_LIST_REPLY,
        "reply: `customers.list`, `customers.get_many`, `products.suppliers.list`": longest_reply(
            CUSTOMERS_LIST, CUSTOMERS_GET_MANY, PRODUCTS_SUPPLIERS_LIST
        ),
        "reply: `orders.get_many`": longest_reply(ORDERS_GET_MANY),
        "lines of all orders in a reply of `orders.get_many`": MOST_LINES_TOGETHER,
        "reply: `orders.place`, `orders.get`, `orders.cancel`, `carts.checkout`": longest_reply(
            ORDERS_PLACE, ORDERS_GET, ORDERS_CANCEL, CARTS_CHECKOUT
        ),
        "reply: `shipping.get`, `shipping.dispatch`, `shipping.deliver`": longest_reply(
            SHIPPING_GET, SHIPPING_DISPATCH, SHIPPING_DELIVER
        ),
        "reply: `products.stock.reserve`, `.release`, `.commit`": longest_reply(
            PRODUCTS_STOCK_RESERVE, PRODUCTS_STOCK_RELEASE, PRODUCTS_STOCK_COMMIT
        ),
        "reply: `products.bulk_change`": longest_reply(PRODUCTS_BULK_CHANGE),
        "reply: `auth.jwks`": longest_reply(AUTH_JWKS),
        "products in `products.bulk_change`": MOST_CHANGES,
        "reply: items of a list": LONGEST_PAGE,
        "error's body": problem.MAX_PROBLEM,
        "error's `retry_after`": problem.MAX_RETRY_AFTER,
        "headers of a message": headers.MAX_BYTES,
        "headers of a message, in number": headers.MAX_COUNT,
        "event": events.MAX_EVENT,
        "instance's answer to `$SRV`": discovery.MAX_DOCUMENT,
        "instance's answer to `$SRV.PING`": discovery.MAX_PING,
        "instances that answer one question on `$SRV`": discovery.MAX_DOCUMENTS,
        "age of such a response": MAX_AGE,
        "time for a call": max(endpoint.timeout for endpoint in ENDPOINTS),
        "payload of a durable event": MAX_DURABLE,
        "time for a handler": TIMEOUT,
        "tries of a failing event": RETRIES.tries,
        "tries of an event while something that it needs is unavailable": RETRIES.most,
        "pause between two tries": RETRIES.longest,
        "time without an acknowledgement or `+WPI`": ACK_WAIT,
        "PostgreSQL: wait for a connection in which no statement ends": connections.ACQUIRE_TIMEOUT,
        "PostgreSQL: a statement": seconds("statement_timeout"),
        "PostgreSQL: wait for a lock": seconds("lock_timeout"),
        "PostgreSQL: an answer of any kind": connections.COMMAND_TIMEOUT,
        "PostgreSQL: an idle transaction": seconds("idle_in_transaction_session_timeout"),
        "MongoDB: an operation": mongo.OPERATION_TIMEOUT,
        "orders: lines of an order": MOST_LINES,
        "orders: units of a product in an order": MOST_UNITS,
        "carts: products in a cart": MOST_LINES,
        "carts: units of a product in a cart": MOST_UNITS,
        "carts: wait for prices": WITHIN,
        "carts: time without a change": KEPT.total_seconds(),
        "shipping: shipments that a timer moves at once, each process": timers.AT_ONCE,
        "shipping: time for a timer's claim": due.CLAIMED.total_seconds(),
        "sessions of an account": sessions.MOST,
        "a change of rights that does not finish": users.LONGEST_ACT.total_seconds(),
        "mails with a token to one address at once, for each purpose": MAILS,
        "a token that resets a password": LIFETIME[TokenPurpose.PASSWORD_RESET].total_seconds(),
        "a token that verifies an address": LIFETIME[TokenPurpose.EMAIL_VERIFICATION].total_seconds(),
        "a change of a password that does not finish": users.LONGEST_ACT.total_seconds(),
        "revoked sessions in one reply": sessions.REVOKED_PAGE,
        "pages of that list, at the gateway": MOST_PAGES,
    } == stated


def test_every_reason_and_every_status_that_is_stated_exists() -> None:
    packages = ("auth_svc", "contracts", "gateway", "mesh", "customers_svc")
    sources = [path.read_text() for name in packages for path in ROOT.glob(f"{name}/**/*.py")]
    for row in ROWS:
        for status, reason in re.findall(r"(\d{3}) `(\w+)`", row[3]):
            assert any(f'"{reason}"' in source for source in sources), reason
            assert int(status) in {*STATUS.values(), 408, 414, 431}


def test_the_share_of_a_calls_time_is_as_stated() -> None:
    assert f"within {SLOW:.0%}".replace("%", " %") in DOCUMENT.replace("\n", " ")


def test_the_limit_of_the_log_is_as_stated() -> None:
    assert f"at most {log_limit.MOST} in {log_limit.SECONDS:g} s" in DOCUMENT


def test_a_service_leaves_the_others_half_of_the_connections() -> None:
    assert DEFAULTS["GATEWAY_LIMIT_MAX"] <= 0.5 * DEFAULTS["GATEWAY_MAX_CONNECTIONS"]


def test_the_databases_give_up_before_a_call_does() -> None:
    shortest = min(endpoint.timeout for endpoint in ENDPOINTS)
    assert connections.ACQUIRE_TIMEOUT + connections.COMMAND_TIMEOUT < shortest
    assert mongo.OPERATION_TIMEOUT < shortest
