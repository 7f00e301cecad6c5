"""The version that every process tells: the package's own."""

from importlib.metadata import PackageNotFoundError, version

_UNKNOWN = "0.0.0"


def package_version() -> str:
    """The version in the package's metadata; 0.0.0 where the source runs without being installed."""
    try:
        return version("northwind-mesh")
    except PackageNotFoundError:
        return _UNKNOWN
