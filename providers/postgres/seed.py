"""Reads the first rows of a service's tables from CSV files beside its code."""

import csv
from importlib.resources import files
from io import StringIO


def read_csv(package: str, table: str) -> list[dict[str, str | None]]:
    """The rows of `seed/<table>.csv` in the package, by column. An empty field is None."""
    text = (files(package) / "seed" / f"{table}.csv").read_text(encoding="utf-8")
    return [{column: value or None for column, value in row.items()} for row in csv.DictReader(StringIO(text))]
