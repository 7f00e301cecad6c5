"""What the commands export and compare: the declarations of this checkout."""

from typing import Final

from ops.contracts.document import Declared
from services import PROCESSES
from subjects import ENDPOINTS, EVENTS

DECLARED: Final = Declared(ENDPOINTS, EVENTS, PROCESSES)
