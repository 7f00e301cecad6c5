"""People who order, cancel and dispatch over HTTP, and keep account of what was acknowledged."""

import asyncio
import random
import secrets
from asyncio import get_running_loop
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from httpx2 import HTTPError, Response

from tests.support.load.traffic import Balancer, status

Headers = dict[str, str]
PATIENCE: Final = 60.0
"""Seconds in which a request must have had a good answer: a fault is over by then."""
_PAUSE: Final = 0.1
_TRY_AGAIN: Final = {502, 503, 504}
_OPEN: Final = ("placed", "confirmed")


@dataclass(frozen=True)
class Shopper:
    """A user, and how they say who they are."""

    user_id: str
    headers: Headers


@dataclass(frozen=True)
class Goods:
    """The products that are ordered."""

    plenty: tuple[int, ...]
    scarce: int
    """A product of which there are few units."""


@dataclass
class Account:
    """What was acknowledged of the orders of some users."""

    users: tuple[Shopper, ...]
    goods: Goods
    placed: dict[int, tuple[str, dict[int, int]]] = field(default_factory=dict)
    """By order, its user, and the units of each product."""
    cancelled: set[int] = field(default_factory=set)
    not_cancelled: set[int] = field(default_factory=set)
    """Orders whose cancellation was refused: it came too late."""
    repeated: int = 0
    """Requests that were made again because there was no good answer."""


class Shoppers:
    """Order and cancel at random; the same `seed` makes the same choices."""

    def __init__(self, http: Balancer, admin: Headers, account: Account, seed: int) -> None:
        self.account = account
        self._http = http
        self._admin = admin
        self._random = random.Random(seed)
        self._to_dispatch: deque[int] = deque()
        self._cart = asyncio.Lock()

    async def order(self) -> str:
        """Place an order, and cancel one now and then. Returns the kind of the first answer that is not good."""
        user = self._random.choice(self.account.users)
        kind, order_id = await self._place(user)
        if order_id is None:
            return kind
        dice = self._random.random()
        if dice < 0.15:  # at once: the cancellation may overtake the reservation
            return await self._cancel(order_id)
        if dice < 0.3:  # an older one, which may be on its way
            return await self._cancel(self._random.choice([*self.account.placed]))
        if dice < 0.6:
            self._to_dispatch.append(order_id)
        return kind

    async def buy_cart(self) -> str:
        """Fill the cart of the last user and check it out; from the start if it changes meanwhile."""
        async with self._cart:
            user, lines = self.account.users[-1], self._lines()
            while True:
                kind, _ = self._note(user, lines, await self._check_out(user, lines))
                if kind != "409 version_mismatch":
                    return kind

    async def _check_out(self, user: Shopper, lines: dict[int, int]) -> Response | str:
        """The answer to the checkout, or the first one that is not good.

        Each request names the version. Without it, the copy of a request that a frozen worker has may undo a later one.
        """
        answer = await self._ask("GET", "/v1/cart", user.headers)
        changes: list[tuple[str, str, object]] = [("DELETE", "/v1/cart", None)]
        changes += [("PUT", f"/v1/cart/items/{one}", {"quantity": units}) for one, units in lines.items()]
        for method, path, body in [*changes, ("POST", "/v1/cart/checkout", None)]:
            if isinstance(answer, str) or not answer.is_success:
                break
            answer = await self._ask(method, path, {**user.headers, "If-Match": answer.headers["etag"]}, body)
        return answer

    async def dispatch(self) -> str:
        """Look after the oldest order that is to be dispatched by hand."""
        if not self._to_dispatch:
            await asyncio.sleep(_PAUSE)
            return "ok"
        order_id = self._to_dispatch.popleft()
        found = await self._ask("GET", f"/v1/shipments?order_id={order_id}", self._admin)
        if isinstance(found, str) or not found.is_success:
            return _kind(found)
        if not found.json()["items"]:
            return await self._later(order_id)
        path = f"/v1/shipments/{found.json()['items'][0]['shipment_id']}/dispatch"
        answer = await self._ask("POST", path, {**self._admin, **_key()})
        kind = _kind(answer)
        return "ok" if kind == "409 shipment_stopped" else kind

    async def _later(self, order_id: int) -> str:
        """Come back to the order, unless it will have no shipment."""
        answer = await self._ask("GET", f"/v1/orders/{order_id}", self._admin)
        if isinstance(answer, str) or not answer.is_success:
            return _kind(answer)
        if answer.json()["status"] in _OPEN:
            self._to_dispatch.append(order_id)
        return "ok"

    def _lines(self) -> dict[int, int]:
        """Units of some products; one order in ten wants what is scarce."""
        some = self._random.sample(self.account.goods.plenty, self._random.randint(1, 3))
        lines = {product: self._random.randint(1, 5) for product in some}
        return {**lines, self.account.goods.scarce: 3} if self._random.random() < 0.1 else lines

    async def _place(self, user: Shopper) -> tuple[str, int | None]:
        lines = self._lines()
        body = {"lines": [{"product_id": one, "quantity": units} for one, units in lines.items()]}
        return self._note(user, lines, await self._ask("POST", "/v1/orders", {**user.headers, **_key()}, body))

    def _note(self, user: Shopper, lines: dict[int, int], answer: Response | str) -> tuple[str, int | None]:
        if isinstance(answer, str) or not answer.is_success:
            return _kind(answer), None
        order_id: int = answer.json()["order_id"]
        if order_id in self.account.placed:
            return "one order for two requests", None
        self.account.placed[order_id] = user.user_id, lines
        return "ok", order_id

    async def _cancel(self, order_id: int) -> str:
        (user,) = (user for user in self.account.users if user.user_id == self.account.placed[order_id][0])
        kind = _kind(await self._ask("POST", f"/v1/orders/{order_id}/cancel", {**user.headers, **_key()}))
        if kind == "ok":
            self.account.cancelled.add(order_id)
        elif kind == "409 order_not_cancellable":
            self.account.not_cancelled.add(order_id)
            return "ok"
        return kind

    async def _ask(self, method: str, path: str, headers: Headers, body: object = None) -> Response | str:
        """The answer, asked for again under the same key until it is a definite one; "broken: …" without any."""
        until = get_running_loop().time() + PATIENCE
        while True:
            answer: Response | str
            try:
                answer = await self._http.send(
                    method, path, headers=headers, **({} if body is None else {"json": body})
                )
                if answer.status_code not in _TRY_AGAIN:
                    return answer
            except HTTPError as error:
                answer = f"broken: {type(error).__name__}"
            if get_running_loop().time() > until:
                return answer
            self.account.repeated += 1
            await asyncio.sleep(_PAUSE)


def _key() -> Headers:
    return {"Idempotency-Key": secrets.token_hex(12)}


def _kind(answer: Response | str) -> str:
    return answer if isinstance(answer, str) else status(answer)
