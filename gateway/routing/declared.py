"""What a route declares among its dependencies without being called: JsonRoute takes it out."""

from typing import TypeVar

from fastapi import params

Declared = TypeVar("Declared")


def taken_out(dependencies: list[params.Depends], kind: type[Declared]) -> Declared | None:
    """The declaration of this kind, removed from the dependencies; None if there is none."""
    for one in dependencies:
        if isinstance(one.dependency, kind):
            dependencies.remove(one)
            return one.dependency
    return None
