"""Renders contracts.html. Jinja escapes every value; what is trusted is only this folder."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mesh.core.endpoint import Endpoint
from ops.contracts.asyncapi import Illustrated
from ops.contracts.document import Declared, contracts
from ops.contracts.rows import rows, values
from ops.contracts.shapes import Schema

_CODE: Final = re.compile(r"`([^`]+)`")
_FOLDER: Final = "page"


def page(declared: Declared, shown: Illustrated) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=PackageLoader("ops.contracts", _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(prose=_prose, pretty=_pretty, rows=rows, values=values)
    found, document = declared.definitions, contracts(declared)
    asked = {*(one.request.__name__ for one in declared.endpoints), *(one.reply.__name__ for one in declared.endpoints)}
    events = {one.payload.__name__ for one in declared.events}
    return environment.get_template("contracts.html.j2").render(
        style=_raw(environment, "style.css"),
        script=_raw(environment, "search.js"),
        document=document,
        services=_services(declared),
        shapes=found,
        parts={name: one for name, one in found.items() if name not in asked | events},
        names={one.subject: (one.request.__name__, one.reply.__name__) for one in declared.endpoints},
        payloads={one.subject: one.payload.__name__ for one in declared.events},
        shown=shown,
    )


def _services(declared: Declared) -> dict[str, list[Endpoint[Any, Any]]]:
    found: dict[str, list[Endpoint[Any, Any]]] = {}
    for endpoint in declared.endpoints:
        found.setdefault(endpoint.service, []).append(endpoint)
    return found


def _raw(environment: Environment, name: str) -> Markup:
    loader = environment.loader
    if loader is None:
        raise RuntimeError("the environment has a loader")
    return Markup(loader.get_source(environment, name)[0])  # noqa: S704  # a file of this folder


def _prose(text: str) -> Markup:
    """The text in paragraphs, with `code` as code."""
    return Markup().join(_paragraphs(text))


def _paragraphs(text: str) -> Iterator[Markup]:
    for paragraph in filter(None, text.split("\n\n")):
        parts = _CODE.split(paragraph)
        yield Markup("<p>{}</p>").format(
            Markup().join(
                Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts)
            )
        )


def _pretty(value: Schema) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
