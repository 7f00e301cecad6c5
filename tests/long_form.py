"""Whether the tests run at length, as `make faults` has them."""

import os
from typing import Final

LONG: Final = os.environ.get("MESH_FAULTS") == "long"
