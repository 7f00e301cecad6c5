"""Who may use which route, as the golden files state it: a route that says otherwise fails."""

from typing import Final

from mesh.core.endpoint import Access
from tests.support.contract import golden

ACCESS: Final = {route: Access(one.access) for route, one in golden.routes().items()}
"""The access of each route, by method and path."""
