"""Reads the docstrings of a class's fields. Pydantic does not read them here, since that costs time at each import."""

import ast
import inspect
import re
from itertools import pairwise
from textwrap import dedent


def of_fields(kind: type) -> dict[str, str]:
    """The text below each field that the class itself declares, on one line."""
    [body] = [node.body for node in ast.parse(dedent(inspect.getsource(kind))).body if isinstance(node, ast.ClassDef)]
    return {
        field.target.id: re.sub(r"\s+", " ", text.value.value).strip()
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def of_fields_and_bases(kind: type, root: type) -> dict[str, str]:
    """The same with the fields of its bases below `root`, for a class whose source can be read."""
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, root) and base is not root:
            texts |= _readable(base)
    return texts


def _readable(kind: type) -> dict[str, str]:
    try:
        return of_fields(kind)
    except (OSError, TypeError, ValueError):  # a class without source, such as one made at run time
        return {}
