"""Declares what `expand` adds to the items of a list, from a second endpoint that reads them by id (ADR 38)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from fastapi import Depends
from pydantic import BaseModel

from mesh.core.endpoint import Endpoint, Rep, Req, Shape
from mesh.core.errors import BadReply


@dataclass(frozen=True)
class Completion:
    """Of the items of a list. It stands in the place of a dependency, and JsonRoute takes it out.

    So a plain list costs nothing.
    """

    endpoint: Endpoint[Any, Any]
    """A read of several items by id."""
    read_as: Endpoint[Any, Any]
    """The same endpoint. The items of its shape have the id, and the fields to add."""
    asking: Callable[[tuple[Any, ...]], Any]
    """The request for these ids."""
    key: str
    """The field with the id."""
    parts: tuple[str, ...]
    """The fields to add."""

    async def __call__(self) -> None:
        """Do nothing."""

    async def read(
        self, call: Callable[[Endpoint[Any, Any], Any], Awaitable[Any]], keys: Sequence[Any]
    ) -> Mapping[Any, BaseModel]:
        """The items by id: one call, and another one for those that did not fit into a reply. Raises MeshError."""
        found, left = dict[Any, BaseModel](), tuple(keys)
        while left:
            reply = await call(self.read_as, self.asking(left))
            found |= {getattr(item, self.key): item for item in reply.items}
            if not set(reply.left_out) < set(left):
                error = BadReply(f"the reply of {self.endpoint.subject} leaves out every id, or another one")
                error.subject = self.endpoint.subject
                raise error
            left = reply.left_out
        return found


def completes(endpoint: Endpoint[Req, Rep], read_as: type[Shape], asking: Callable[[tuple[Any, ...]], Req]) -> Any:  # noqa: ANN401  # what Depends() returns
    """Declare that `expand` adds fields to the items of a list, as one of the route's `dependencies`.

    `read_as`: a shape with `items` and `left_out`. The first field of an item is its id, the others can be added.
    `asking`: makes the request for some ids.
    """
    (item, *_) = get_args(read_as.model_fields["items"].annotation)
    key, *parts = item.model_fields
    return Depends(Completion(endpoint, endpoint.read_as(read_as), asking, key, tuple(parts)))
