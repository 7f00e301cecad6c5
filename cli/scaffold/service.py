"""Write a new service: its packages from templates, and its lines in the files that list services."""

import re
from pathlib import Path

from cli.scaffold.errors import ScaffoldError
from cli.scaffold.names import ServiceNames
from cli.scaffold.source import Source
from cli.scaffold.subjects import declare
from cli.scaffold.templates import rendered
from ops.process import Store

_ERRORS = "docs/reference/errors.md"


def add_service(root: Path, names: ServiceNames, store: Store | None) -> None:
    """Write the service into the project at `root`. Raises ScaffoldError where something is in its way."""
    words = names.words()
    for folder in ("service", *(("stored", store) if store else ("stateless",))):
        for path, text in rendered(folder, words):
            _write(root / path, text)
    _declare_endpoint(root, names, stored=store is not None)
    _add_row(root, names, store)
    _add_routes(root, names)
    _add_package(root, names, store)
    if store is not None:
        _add_reason(root, names)


def _write(file: Path, text: str) -> None:
    if file.exists():
        raise ScaffoldError(f"there is a file {file.name} already in the folder {file.parent.name}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _declare_endpoint(root: Path, names: ServiceNames, *, stored: bool) -> None:
    item = names.words()["Item" if stored else "Service"]
    reasons = f", reasons=({item}Reason.NOT_FOUND,)" if stored else ""
    declaration = (
        f'{names.name.upper()}_GET = Endpoint("{names.name}.get", {names.name}.Get{item}, {names.name}.{item}, USER,'
        f" idempotent=True, read=True{reasons})"
    )
    declare(root, names.name, declaration, {f"contracts.{names.name}": [f"{item}Reason"]} if stored else {})


def _add_row(root: Path, names: ServiceNames, store: Store | None) -> None:
    services = Source(root, "services.py")
    kept = f'        store="{store}",\n' if store else ""
    row = f'    Process(\n        "{names.name}",\n        package="{names.package}",\n{kept}'
    services.insert_in_tuple("PROCESSES", f"{row}        calls=(AUTH_JWKS,),\n    ),\n")
    services.save()


def _add_routes(root: Path, names: ServiceNames) -> None:
    app = Source(root, "gateway/app.py")
    app.extend_loop("routes", f"{names.name}_routes")
    app.import_names(f"gateway.api.{names.name}", [f"routes as {names.name}_routes"])
    app.save()


def _add_package(root: Path, names: ServiceNames, store: Store | None) -> None:
    """Add the package to the lists of pyproject.toml; give it the extra and the lock file of its store."""
    target = store or "stateless"
    file = root / "pyproject.toml"
    text = with_package(file.read_text(encoding="utf-8"), names.package)
    text = _replaced_once(text, r"^cli = \[", f'{names.name} = ["northwind-mesh[{target}]"]\ncli = [')
    text = _replaced_once(text, r"(?<=northwind-mesh\[gateway,)([\w,]+)(?=,cli,)", rf"\1,{names.name}")
    file.write_text(text, encoding="utf-8")
    _write(root / "requirements" / f"{names.name}.txt", (root / "requirements" / f"{target}.txt").read_text())


def with_package(text: str, package: str) -> str:
    """pyproject.toml with the package in each list that names the services' packages.

    Raises ScaffoldError where there is none.
    """

    def longer(found: re.Match[str]) -> str:
        listed = re.findall(r'"(\w+_svc)"', found[0])
        before = [name for name in listed if name < package]
        if len(listed) < 2:  # noqa: PLR2004  # about one service
            return found[0]
        if before:
            return found[0].replace(f'"{before[-1]}"', f'"{before[-1]}", "{package}"')
        return found[0].replace(f'"{listed[0]}"', f'"{package}", "{listed[0]}"')

    made = re.sub(r'\[[^\[\]\n]*"\w+_svc"[^\[\]\n]*\]', longer, text)
    if made == text:
        raise ScaffoldError("pyproject.toml: found no list of the services' packages")
    return _replaced_once(made, r"(\w+_svc(?: \| \w+_svc)+)", rf"\1 | {package}")


def _replaced_once(text: str, pattern: str, replacement: str) -> str:
    made, found = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if found != 1:
        raise ScaffoldError(f"pyproject.toml: found {found} places like {pattern!r}, where one was expected")
    return made


def _add_reason(root: Path, names: ServiceNames) -> None:
    """Add the reason to the page of errors, below the last of its kind."""
    file = root / _ERRORS
    text = file.read_text(encoding="utf-8")
    rows = list(re.finditer(r"^\| `\w+_not_found` \| 404 \|.*\n", text, re.MULTILINE))
    if not rows:
        raise ScaffoldError(f"{_ERRORS}: found no row of a reason that ends in _not_found")
    words = names.words()
    row = f"| `{names.item}_not_found` | 404 | There is no such {words['one']}. | Check the id. |\n"
    file.write_text(f"{text[: rows[-1].end()]}{row}{text[rows[-1].end() :]}", encoding="utf-8")
