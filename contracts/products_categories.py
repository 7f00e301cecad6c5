"""The payloads of `products.categories.*`."""

from typing import Annotated

from contracts.base import Cursor, Id, Items, Limit, Patch, Reply, Request, Version, absent, text

CategoryName = Annotated[str, text(80)]
Description = Annotated[str, text(200)]


class Category(Reply):
    """A category of products."""

    category_id: Id
    category_name: str
    description: str | None
    version: Version


class CategoryPage(Reply):
    """A page of the categories list, by id."""

    items: Items[Category]
    next_cursor: str | None


class GetCategory(Request):
    """Get one category by id."""

    category_id: Id


class ListCategories(Request):
    """List categories by id."""

    limit: Limit = 50
    cursor: Cursor | None = None


class CreateCategory(Request):
    """Create a category. The service assigns its id."""

    category_name: CategoryName
    description: Description | None = None


class CategoryPatch(Patch):
    """The fields of a category to change."""

    category_name: CategoryName = absent()
    description: Description | None = absent()


class UpdateCategory(Request):
    """Change a category if its version is `expected_version`."""

    category_id: Id
    expected_version: Version
    patch: CategoryPatch


class CategoryChanged(Reply):
    """A category was created or changed, and has this version now."""

    category_id: Id
    version: Version
