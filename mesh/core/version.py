"""The package's version, which every process reports."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

_UNKNOWN = "0.0.0"


@cache
def package_version() -> str:
    """The version in the package's metadata; 0.0.0 if the package is not installed."""
    try:
        return version("northwind-mesh")
    except PackageNotFoundError:
        return _UNKNOWN
