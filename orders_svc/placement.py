"""Looks up what a new order needs: current names and prices of its products, and the customer's address."""

from collections.abc import Iterator
from typing import NamedTuple

from contracts.customers import Customer, GetCustomer
from contracts.orders import NewLine, OrderReason, PlaceOrder
from contracts.products import GetProducts, Product
from mesh.client.client import Client
from mesh.core.errors import Code, FieldError, Invalid, RemoteFault
from subjects import CUSTOMERS_GET, PRODUCTS_GET_MANY


class PricedLine(NamedTuple):
    """A line with its current product."""

    product: Product
    quantity: int


class Placement(NamedTuple):
    """An order to be placed. `errors` says what is wrong with it, by field."""

    lines: tuple[PricedLine, ...]
    customer: Customer | None
    errors: tuple[FieldError, ...]
    cart_version: int | None

    def refuse_errors(self) -> None:
        """Raise Invalid with all errors, if there are any."""
        if self.errors:
            first = self.errors[0]
            raise Invalid(first.reason, f"{first.field}: {first.message}", self.errors)


class Placements:
    """Looks up the products and the customer of a request."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def prepare(self, request: PlaceOrder) -> Placement:
        """The placement, with current names and prices. Raises CallError if another service does not answer."""
        wanted = GetProducts(product_ids=tuple(dict.fromkeys(line.product_id for line in request.lines)))
        found = await self._client.call(PRODUCTS_GET_MANY, wanted)
        products = {product.product_id: product for product in found.items}
        errors = [*_errors(request.lines, products)]
        customer = None
        if request.customer_id is not None and (customer := await self._find(request.customer_id)) is None:
            errors.append(_error("customer_id", OrderReason.UNKNOWN_CUSTOMER, "there is no such customer"))
        lines = (
            PricedLine(products[one.product_id], one.quantity) for one in request.lines if one.product_id in products
        )
        return Placement(tuple(lines), customer, tuple(errors), request.cart_version)

    async def _find(self, customer_id: str) -> Customer | None:
        try:
            return await self._client.call(CUSTOMERS_GET, GetCustomer(customer_id=customer_id))
        except RemoteFault as fault:
            if fault.code is Code.NOT_FOUND:
                return None
            raise


def _errors(lines: tuple[NewLine, ...], products: dict[int, Product]) -> Iterator[FieldError]:
    """What is wrong with the lines. Each error names the index of its line."""
    seen: set[int] = set()
    for place, line in enumerate(lines):
        field = f"lines.{place}.product_id"
        product = products.get(line.product_id)
        if line.product_id in seen:
            yield _error(field, OrderReason.DUPLICATE_PRODUCT, "the product is on an earlier line")
        elif product is None:
            yield _error(field, OrderReason.UNKNOWN_PRODUCT, "there is no such product")
        elif product.discontinued:
            yield _error(field, OrderReason.DISCONTINUED, "the product is discontinued")
        seen.add(line.product_id)


def _error(field: str, reason: OrderReason, message: str) -> FieldError:
    return FieldError(field=field, reason=reason, message=message)
