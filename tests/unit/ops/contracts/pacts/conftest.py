"""The pacts of this checkout, as its files have them."""

from collections.abc import Mapping
from typing import Final

import pytest

from ops.contracts.pacts.reading import Interaction, read_pacts
from tests.support.paths import ROOT

FOLDER: Final = ROOT / "docs" / "contracts" / "consumers"


@pytest.fixture(scope="session")
def interactions() -> Mapping[tuple[str, str], Interaction]:
    """By consumer and description."""
    return {(one.consumer, one.description): one for pact in read_pacts(FOLDER) for one in pact.interactions}
