"""Where the page's own files are."""

from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).parent / "static"
