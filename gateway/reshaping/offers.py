"""Which other shapes each route offers: all of it follows from the model that it answers with."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from pydantic import BaseModel

from gateway.routing.completing import Completion
from gateway.routing.fastapi_inside import RouteContext
from gateway.routing.route import JsonRoute, query_names

PICKING: Final = "ids"


@dataclass(frozen=True)
class Expansion:
    """Whole objects beside their ids."""

    name: str
    key: str
    """The field with the id, in the resource and in the object."""
    path: str
    """The list that has them by `ids`."""
    model: type[BaseModel]
    within: tuple[str, ...] = ()
    """The lists of the resource whose items have the id, such as `lines`. Empty if the resource has it itself."""

    def places(self, resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What gets an object of this kind: the resource, or each item of these lists."""
        if not self.within:
            yield resource
        for name in self.within:
            yield from resource[name]


@dataclass(frozen=True)
class Offer:
    """What a route offers."""

    pattern: re.Pattern[str]
    model: type[BaseModel]
    """The resource, or an item of the list."""
    is_list: bool
    expansions: Mapping[str, Expansion]
    """By name."""
    path: str
    completion: Completion | None
    """What adds more fields to the items of a list."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The fields that can be added to each item."""
        return self.completion.parts if self.completion else ()

    @property
    def expandable(self) -> tuple[str, ...]:
        """The names that `expand` takes."""
        return (*self.expansions, *self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields of the resource."""
        return tuple(self.model.model_fields)

    @property
    def beside(self) -> tuple[str, ...]:
        """Those that become fields of the resource."""
        return (*(name for name, one in self.expansions.items() if not one.within), *self.parts)


def offers(routes: Iterable[RouteContext]) -> tuple[Offer, ...]:
    """What each read of the API offers."""
    reads = [(route, route.path or "", *found) for route in routes if (found := _model(route)) is not None]
    expansions = [
        Expansion(key.removesuffix("_id"), key, path, model)
        for route, path, model, _ in reads
        if PICKING in query_names(route.dependant) and (key := next(iter(model.model_fields)))
    ]
    return tuple(
        Offer(
            route.path_regex,
            model,
            is_list,
            dict(_offered(model, expansions)),
            path,
            getattr(route.original_route, "completion", None),
        )
        for route, path, model, is_list in reads
    )


def _offered(model: type[BaseModel], expansions: Iterable[Expansion]) -> Iterator[tuple[str, Expansion]]:
    for one in expansions:
        if _shows(model, one):
            continue
        if one.key in model.model_fields:
            yield one.name, one
        elif within := tuple(name for name in model.model_fields if one.key in _item_fields(model, name)):
            yield one.name, replace(one, within=within)


def _item_fields(model: type[BaseModel], name: str) -> Iterable[str]:
    """The fields of a list's items; none if the field is no list of objects."""
    item = next(iter(get_args(model.model_fields[name].annotation)), None)
    return item.model_fields if isinstance(item, type) and issubclass(item, BaseModel) else ()


def _shows(model: type[BaseModel], expansion: Expansion) -> bool:
    """Whether the resource is the object itself, or a part of it."""
    return next(iter(model.model_fields)) == expansion.key


def _model(route: RouteContext) -> tuple[type[BaseModel], bool] | None:
    """The resource that a read answers with, or the item of its list; None if it answers something else."""
    original: Any = route.original_route
    if not isinstance(original, JsonRoute) or original.calls is None or "GET" not in (route.methods or ()):
        return None
    model = original.response_model
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    if {"items", "next_cursor"} <= model.model_fields.keys():
        item = get_args(model.model_fields["items"].annotation)[0]
        return item, True
    return model, False
