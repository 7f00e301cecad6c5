import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest

from carts_svc.repository import Carts
from carts_svc.stored import StoredCart
from mesh.core.errors import Unavailable
from providers.mongo.database import DRIVER

OPERATIONS: dict[str, Callable[[Carts], Awaitable[object]]] = {
    "ensure_index": lambda carts: carts.ensure_index(),
    "get": lambda carts: carts.get("u1"),
    "change": lambda carts: carts.change("u1", StoredCart.without_items),
}


@pytest.fixture
def carts() -> Iterator[Carts]:
    """The carts of a database that cannot be reached: its port is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    client = DRIVER(f"mongodb://127.0.0.1:{port}", timeoutMS=50, serverSelectionTimeoutMS=50, connectTimeoutMS=50)
    yield Carts(client.get_default_database("carts"))
    client.close()  # type: ignore[unused-coroutine]  # Motor closes at once


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_every_operation_says_that_the_database_is_unavailable(carts: Carts, operation: str) -> None:
    with pytest.raises(Unavailable) as refused:
        await OPERATIONS[operation](carts)

    assert "database_unavailable" == refused.value.reason
