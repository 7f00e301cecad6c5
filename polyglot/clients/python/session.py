"""A session with the client that openapi-python-client makes."""

import json
import os
from typing import TypeVar

from generated.api.auth import login, register
from generated.api.customers import create_customer, get_customer, update_customer
from generated.api.orders import place_order
from generated.api.products import list_products
from generated.client import AuthenticatedClient, Client
from generated.models import Credentials, CustomerChange, NewCustomer, NewLine, NewOrder, Problem

Body = TypeVar("Body")

_GATEWAY = os.environ["GATEWAY"]


def body(answer: Body | Problem | None) -> Body:
    """The body of a success. Raises RuntimeError for a problem."""
    if answer is None or isinstance(answer, Problem):
        raise RuntimeError(answer)
    return answer


def logged_in(email: str, password: str) -> AuthenticatedClient:
    """A client with an access token."""
    credentials = Credentials(email=email, password=password)
    tokens = body(login.sync(client=Client(_GATEWAY), body=credentials))
    return AuthenticatedClient(_GATEWAY, tokens.access_token)


def main() -> None:
    """Print what the session has seen, as JSON."""
    credentials = Credentials(email=os.environ["EMAIL"], password=os.environ["PASSWORD"])
    user = body(register.sync(client=Client(_GATEWAY), body=credentials))
    own = logged_in(credentials.email, credentials.password)
    admin = logged_in(os.environ["ADMIN_EMAIL"], os.environ["ADMIN_PASSWORD"])

    products = body(list_products.sync(client=own, limit=3))
    made = body(create_customer.sync(client=admin, body=NewCustomer(company_name="Generated Ltd.", phone="030-1")))

    read = get_customer.sync_detailed(made.customer_id, client=own)
    before = body(read.parsed)
    change = CustomerChange(city="Bonn", phone=None)
    etag = read.headers["ETag"]
    changed = body(update_customer.sync(made.customer_id, client=admin, body=change, if_match=etag))
    stale = update_customer.sync(made.customer_id, client=admin, body=change, if_match=etag)

    order = body(place_order.sync(client=own, body=NewOrder(lines=[NewLine(product_id=1, quantity=2)])))
    missing = get_customer.sync_detailed("QQQQQ", client=own)
    seen = {
        "email": user.email,
        "products": len(products.items),
        "before": [before.company_name, before.phone],
        "after": [changed.company_name, changed.city, changed.phone, changed.version],
        "stale": stale.reason if isinstance(stale, Problem) else None,
        "order": [order.status, order.lines[0].product_name, order.lines[0].quantity],
        "missing": [missing.status_code, missing.parsed.reason if isinstance(missing.parsed, Problem) else None],
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
