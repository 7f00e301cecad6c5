"""The mesh's own attributes of spans. OpenTelemetry is not needed to read them."""

from typing import Final

REQUEST_ID: Final = "mesh.request_id"
LATE: Final = "mesh.late"
"""Marks a span that was made when its request ended: the steps below it are not recorded."""
