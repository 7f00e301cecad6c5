"""The files of an export by name: the same bytes for the same declarations."""

from ops.contracts.document import CONTRACTS, SCHEMAS, Declared, as_text, contracts, schemas


def exported(declared: Declared) -> dict[str, str]:
    """The text of each file."""
    return {
        CONTRACTS: as_text(contracts(declared)),
        SCHEMAS: as_text(schemas(declared)),
    }
