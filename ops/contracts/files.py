"""The files of an export by name: the same bytes for the same declarations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ops.contracts import asyncapi, examples, reasons
from ops.contracts.asyncapi import Illustrated
from ops.contracts.document import CONTRACTS, SCHEMAS, Declared, as_text, contracts, schemas
from ops.contracts.markdown import markdown
from ops.contracts.page.render import page

OPENAPI: Final = "openapi.json"
ASYNCAPI: Final = "asyncapi.json"
REASONS: Final = "reasons.json"
MARKDOWN: Final = "contracts.md"
PAGE: Final = "contracts.html"


def illustrated(declared: Declared, checkout: Path) -> Illustrated:
    """The examples and the texts of a checkout. Raises ValueError if one is missing."""
    folder = examples.in_checkout(checkout)
    told = reasons.meanings(checkout / "docs" / "reference" / "errors.md")
    return Illustrated(
        {one.subject: examples.endpoint_example(folder, one.subject) for one in declared.endpoints},
        {one.subject: examples.event_example(folder, one.subject) for one in declared.events},
        reasons.catalogue(declared, told),
        told,
    )


def exported(declared: Declared, shown: Illustrated, openapi: Mapping[str, Any]) -> dict[str, str]:
    """The text of each file. `openapi`: the gateway's document."""
    return {
        CONTRACTS: as_text(contracts(declared)),
        SCHEMAS: as_text(schemas(declared)),
        REASONS: as_text(reasons.document(shown.reasons, shown.told)),
        OPENAPI: as_text(openapi),
        ASYNCAPI: as_text(asyncapi.asyncapi(declared, shown)),
        MARKDOWN: markdown(declared, shown),
        PAGE: page(declared, shown),
    }
