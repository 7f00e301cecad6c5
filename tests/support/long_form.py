"""Whether the tests run at length, as `make faults` has them."""

import os
from typing import Final

import pytest

LONG: Final = os.environ.get("MESH_FAULTS") == "long"

long_only = pytest.mark.skipif(not LONG, reason="in the long form alone: make faults")
"""For what compares speeds, or takes long to see what a shorter test sees as well."""
