"""The shapes of `/v1/categories`."""

from pydantic import ConfigDict
from pydantic.config import JsonDict

from contracts import products_categories as contract
from contracts.base import Id, Items, Patch, Request, Version, absent
from contracts.products_categories import CategoryName, Description
from gateway.api.schemas import Shown

_NEW_BEVERAGES: JsonDict = {"category_name": "Beverages", "description": "Soft drinks, coffees, teas, beers"}
_BEVERAGES: JsonDict = {"category_id": 1, **_NEW_BEVERAGES, "version": 1}


class Category(Shown[contract.Category]):
    """A category of contract."""

    model_config = ConfigDict(json_schema_extra={"examples": [_BEVERAGES]})

    category_id: Id
    category_name: str
    description: str | None
    version: Version


class CategoryPage(Shown[contract.CategoryPage]):
    """A page of the categories list. The last page has no `next_cursor`."""

    items: Items[Category]
    next_cursor: str | None


class NewCategory(Request):
    """A category to create. The service assigns its id."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW_BEVERAGES]})

    category_name: CategoryName
    description: Description | None = None

    def to_contract(self) -> contract.CreateCategory:
        """The request to the service."""
        return contract.CreateCategory(**self.model_dump(exclude_unset=True))


class CategoryChange(Patch):
    """The fields to change. Null clears a field; an omitted one stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"description": "Soft drinks, coffees, teas, beers, and ales"}]}
    )

    category_name: CategoryName = absent()
    description: Description | None = absent()

    def to_contract(self) -> contract.CategoryPatch:
        """The change as the service reads it."""
        return contract.CategoryPatch(**self.changes())


class CategoryReplacement(Request):
    """A category as a whole. A description that is omitted becomes null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW_BEVERAGES]})

    category_name: CategoryName
    description: Description | None = None

    def to_contract(self) -> contract.CategoryPatch:
        """The change of every field, as the service reads it."""
        return contract.CategoryPatch(**self.model_dump())
