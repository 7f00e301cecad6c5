"""The processes of the mesh: one row each. Everything else that names a process is derived from them.

`mesh generate` updates nats.conf, compose.yaml and .env.example from the rows; `mesh up` reads them.
"""

from collections.abc import Iterable

from ops.nkeys import CONSOLE, PEOPLE
from ops.process import TARGETS, Process
from subjects import (
    AUTH_JWKS,
    AUTH_KEYS_ROTATE,
    AUTH_MAILED_TOKENS_GET,
    CUSTOMERS_GET,
    ENDPOINTS,
    EVENTS_AUTH_SESSIONS_REVOKED,
    EVENTS_PRODUCTS_CATEGORY_CHANGED,
    EVENTS_PRODUCTS_CHANGED,
    ORDERS_GET,
    ORDERS_PLACE,
    ORDERS_START_DISPATCH,
    PRODUCTS_GET_MANY,
    PRODUCTS_STOCK_COMMIT,
    PRODUCTS_STOCK_RELEASE,
    PRODUCTS_STOCK_RESERVE,
    events_for,
)

# Only other services and operators call these.
_NOT_FOR_HTTP = (
    AUTH_KEYS_ROTATE,
    AUTH_MAILED_TOKENS_GET,
    PRODUCTS_STOCK_RESERVE,
    PRODUCTS_STOCK_RELEASE,
    PRODUCTS_STOCK_COMMIT,
    ORDERS_START_DISPATCH,
)

PROCESSES = (
    Process(
        "gateway",
        package="gateway",
        serves=False,
        calls=tuple(endpoint for endpoint in ENDPOINTS if endpoint not in _NOT_FOR_HTTP),
        hears=(EVENTS_AUTH_SESSIONS_REVOKED, EVENTS_PRODUCTS_CHANGED, EVENTS_PRODUCTS_CATEGORY_CHANGED),
    ),
    Process(
        "auth",
        package="auth_svc",
        store="mongo",
        keys=("AUTH_KEY_ENCRYPTION_KEY",),
        admin=True,
        gives_way=True,  # it hashes passwords
    ),
    Process(
        "customers",
        package="customers_svc",
        store="postgres",
        calls=(AUTH_JWKS,),  # the public keys that verify a caller's token
        seeded=True,
    ),
    Process(
        "products",
        package="products_svc",
        store="postgres",
        calls=(AUTH_JWKS,),
        seeded=True,
    ),
    Process(
        "orders",
        package="orders_svc",
        store="postgres",
        calls=(AUTH_JWKS, CUSTOMERS_GET, PRODUCTS_GET_MANY),
        handles=events_for("orders"),
        seeded=True,
    ),
    Process(
        "stock",
        package="stock_svc",
        calls=(AUTH_JWKS, PRODUCTS_STOCK_RESERVE, PRODUCTS_STOCK_RELEASE, PRODUCTS_STOCK_COMMIT),
        handles=events_for("stock"),
    ),
    Process(
        "carts",
        package="carts_svc",
        store="mongo",
        calls=(AUTH_JWKS, PRODUCTS_GET_MANY, ORDERS_PLACE, ORDERS_GET),
        handles=events_for("carts"),
    ),
    Process(
        "shipping",
        package="shipping_svc",
        store="postgres",
        calls=(AUTH_JWKS, ORDERS_START_DISPATCH),
        handles=events_for("shipping"),
        seeded=True,
    ),
    Process(
        "notifications",
        package="notifications_svc",
        store="mongo",
        calls=(AUTH_JWKS, AUTH_MAILED_TOKENS_GET),
        handles=events_for("notifications"),
        keys=("NOTIFICATIONS_WEBHOOK_ENCRYPTION_KEY",),
        mails=True,
        gives_way=True,  # a mail may wait until orders do not
    ),
)
"""All processes. nats.conf and compose.yaml keep this order."""

BY_NAME = {process.name: process for process in PROCESSES}
WORKERS = tuple(process for process in PROCESSES if process.serves)

LOCKS = (*BY_NAME, CONSOLE, *TARGETS)
"""The extras of pyproject.toml that `make lock` pins: each process, the console, and what a new worker begins with."""


def nats_users(processes: Iterable[Process] = PROCESSES) -> tuple[str, ...]:
    """The users of nats.conf: each process, and the people who operate the mesh."""
    return (*(process.name for process in processes), *PEOPLE)


USERS = nats_users()
