"""What a golden file's braces stand for, made when an example first says it."""

import asyncio
import itertools
import random
import string
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from tests.support.contract.callers import Account, Wire, new_email

MARK: Final = "Made by a test"
"""How the names of all rows begin that are not Northwind's."""


_keys = ["ZY" + "".join(letters) for letters in itertools.product(string.ascii_uppercase, repeat=3)]
random.shuffle(_keys)


def free_key() -> str:
    """A customer key that nobody has, nor had in this run: none of Northwind's begins with ZY."""
    return _keys.pop()


class Givens:
    """The values of one example; each is made once."""

    def __init__(self, wire: Wire, accounts: Mapping[str, Account]) -> None:
        self._wire = wire
        self._accounts = accounts
        self._values: dict[str, object] = {}

    def token(self, account: str | None) -> str | None:
        """The access token of `user`, `admin`, or one of the others."""
        return self._accounts[account].access_token if account else None

    async def fill(self, template: Any) -> Any:  # noqa: ANN401  # any JSON
        """The template with its braces filled."""
        match template:
            case dict():
                return {name: await self.fill(value) for name, value in template.items()}
            case list():
                return [await self.fill(value) for value in template]
            case str() if template.startswith("{") and template.endswith("}"):
                return await self._value(template[1:-1])
        return template

    async def _value(self, name: str) -> object:
        makers: Mapping[str, Callable[[], Awaitable[object]]] = {
            "refresh_token": self._refresh_token,
            "session_id": self._session_id,
            "user_id": partial(self._id, "user"),
            "admin_id": partial(self._id, "admin"),
            "other_user_id": self._other_user_id,
            "customer": self._customer,
            "archived_customer": self._archived_customer,
            "product": self._product,
            "discontinued_product": self._discontinued_product,
            "category": self._category,
            "supplier": self._supplier,
            "priced_category": self._priced_category,
            "received_product": self._received_product,
            "full_product": partial(self._product, units_in_stock=2**31 - 1),
            "reserved_product": self._reserved_product,
            "order": self._order,
            "cart": self._cart,
            "reserved_order": self._reserved_order,
            "cancelled_order": self._cancelled_order,
            "shipped_order": self._shipped_order,
            "mailed_token_id": self._mailed_token_id,
            "reset_token": self._reset_token,
            "unverified_email": partial(self._of_unverified, "email"),
            "unverified_password": partial(self._of_unverified, "password"),
            "verification_token": self._verification_token,
            "shipment": self._shipment,
            "dispatched_shipment": self._dispatched_shipment,
            "stopped_shipment": self._stopped_shipment,
        }
        known = {
            "user_email": self._accounts["user"].email,
            "user_password": self._accounts["user"].password,
            "changing_password": self._accounts["changing user"].password,
            "new_email": new_email(),
            "free_key": free_key(),
            "order_number": random.randint(10**9, 2**31 - 1),
        }
        if name not in self._values:
            self._values[name] = await makers[name]() if name in makers else known[name]
        return self._values[name]

    async def _refresh_token(self) -> object:
        user = self._accounts["user"]
        return (await self._wire.ask("auth.login", email=user.email, password=user.password))["refresh_token"]

    async def _session_id(self) -> object:
        user = self._accounts["user"]
        begun = await self._wire.log_in(user.email, user.password)
        sessions = (await self._wire.ask("auth.sessions.list", begun.access_token))["items"]
        return next(session["session_id"] for session in sessions if session["current"])

    async def _id(self, account: str) -> object:
        return (await self._wire.ask("auth.me", self.token(account)))["user_id"]

    async def _other_user_id(self) -> object:
        made = await self._wire.ask("auth.register", email=new_email(), password="correct horse battery staple")
        return made["user_id"]

    async def _mailed_token_id(self) -> object:
        email = new_email()
        user = await self._wire.ask("auth.register", email=email, password="correct horse battery staple")
        await self._wire.ask("auth.mailed_tokens.request", purpose="password_reset", email=email)
        return await self._announced("events.auth.password_reset_requested", user["user_id"])

    async def _reset_token(self) -> object:
        token_id = await self.fill("{mailed_token_id}")
        return (await self._wire.ask("auth.mailed_tokens.get", token_id=token_id))["token"]

    async def _verification_token(self) -> object:
        account = self._accounts["verifying user"]
        await self._wire.ask("auth.mailed_tokens.request", purpose="email_verification", email=account.email)
        user_id = await self._id("verifying user")
        token_id = await self._announced("events.auth.email_verification_requested", user_id)
        return (await self._wire.ask("auth.mailed_tokens.get", token_id=token_id))["token"]

    async def _of_unverified(self, field: str) -> object:
        return getattr(self._accounts["unverified user"], field)

    async def _announced(self, subject: str, user_id: object) -> object:
        """The `token_id` in the newest event of the subject, once it is the user's."""
        while True:
            event = await self._wire.newest_event(subject)
            if event.get("user_id") == user_id:
                return event["token_id"]

    async def _customer(self) -> object:
        key = free_key()
        await self._wire.ask("customers.create", self.token("admin"), customer_id=key, company_name=MARK)
        return key

    async def _archived_customer(self) -> object:
        key = await self._customer()
        await self._wire.ask("customers.archive", self.token("admin"), customer_id=key)
        return key

    async def _product(self, units_in_stock: int = 0) -> object:
        new = {"product_name": MARK, "unit_price": "0.10", "units_in_stock": units_in_stock}
        return (await self._wire.ask("products.create", self.token("admin"), **new))["product_id"]

    async def _discontinued_product(self) -> object:
        product = await self._product()
        await self._wire.ask("products.discontinue", self.token("admin"), product_id=product)
        return product

    async def _category(self) -> object:
        made = await self._wire.ask("products.categories.create", self.token("admin"), category_name=MARK)
        return made["category_id"]

    async def _priced_category(self) -> object:
        new = {"product_name": MARK, "unit_price": "0.10", "category_id": await self._category()}
        return (await self._wire.ask("products.create", self.token("admin"), **new))["category_id"]

    async def _supplier(self) -> object:
        made = await self._wire.ask("products.suppliers.create", self.token("admin"), company_name=MARK)
        return made["supplier_id"]

    async def _received_product(self) -> object:
        product = await self._product()
        goods = {"product_id": product, "quantity": 24, "reason": "delivery note 4711"}
        await self._wire.ask("products.stock.receive", self.token("admin"), **goods)
        return product

    async def _order(self) -> object:
        lines = [{"product_id": await self._product(units_in_stock=2), "quantity": 2}]
        return (await self._wire.ask("orders.place", self.token("user"), lines=lines))["order_id"]

    async def _cart(self) -> object:
        token = self.token("ordering user")
        await self._wire.ask("carts.clear", token)
        item = {"product_id": await self.fill("{product}"), "quantity": 1}
        return (await self._wire.ask("carts.put_item", token, **item))["version"]

    async def _reserved_order(self) -> object:
        return await self._reserve(await self._product(units_in_stock=2))

    async def _reserved_product(self) -> object:
        product = await self._product(units_in_stock=2)
        await self._reserve(product)
        return product

    async def _reserve(self, product: object) -> int:
        number = random.randint(10**9, 2**31 - 1)
        await self._wire.ask("products.stock.reserve", order_id=number, lines=[{"product_id": product, "quantity": 2}])
        return number

    async def _cancelled_order(self) -> object:
        order = await self._order()
        await self._wire.ask("orders.cancel", self.token("user"), order_id=order)
        return order

    async def _shipped_order(self) -> object:
        order = await self._order()
        await self._shipment_of(order)
        return order

    async def _shipment(self) -> object:
        return await self._shipment_of(await self._order())

    async def _dispatched_shipment(self) -> object:
        shipment = await self._shipment()
        await self._wire.ask("shipping.dispatch", self.token("admin"), shipment_id=shipment)
        return shipment

    async def _stopped_shipment(self) -> object:
        order = await self._shipped_order()
        await self._wire.ask("orders.cancel", self.token("user"), order_id=order)
        return await self._shipment_of(order, "stopped")

    async def _shipment_of(self, order: object, status: str = "pending") -> object:
        """The order's shipment, once the events have given it the status."""
        of_order = {"order_id": order, "status": status}
        while not (items := (await self._wire.ask("shipping.list", self.token("user"), **of_order))["items"]):
            await asyncio.sleep(0.01)
        return items[0]["shipment_id"]
