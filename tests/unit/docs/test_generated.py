"""The generated parts of the documentation are current, and the page of errors has every reason."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from contracts.auth import AuthReason
from contracts.customers import CustomerReason
from contracts.products import ProductReason
from devstack.stack.settings import StackSettings
from gateway import problems
from mesh.core.errors import Fault, RemoteFault
from mesh.core.settings import Settings
from tests.support.paths import ROOT
from tests.unit.docs.generated import GROUPS, PARTS, current

_PACKAGES: Final = ("auth_svc", "customers_svc", "gateway", "mesh", "products_svc", "providers")
_ROW: Final = re.compile(r"^\| `(\w+)` \| (\d{3}) \| .+ \|$", re.MULTILINE)
ERRORS: Final = (ROOT / "docs" / "reference" / "errors.md").read_text()


@pytest.mark.parametrize("page", PARTS, ids=lambda path: path.name)
def test_a_generated_part_is_current(page: Path) -> None:
    assert current(page) == page.read_text(), "run `make docs`"


def below(base: type) -> Iterator[type]:
    yield base
    derived: list[type] = base.__subclasses__()
    for kind in derived:
        yield from below(kind)


def test_every_class_of_settings_is_in_the_page() -> None:
    listed = {kind for kinds in GROUPS.values() for kind in kinds}
    ours: set[type] = {kind for kind in below(Settings) if not kind.__module__.startswith("tests")}
    assert {Settings, StackSettings.__base__} == ours - listed


def raised(tree: ast.AST) -> Iterator[str]:
    """The reasons that are written where a fault is made: first, or behind a field or a code."""
    faults = [kind.__name__ for kind in below(Fault)]
    remote = [kind.__name__ for kind in below(RemoteFault)]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        match call:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(reason)), *_]) if name in faults:
                yield reason
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="field"), args=[_, ast.Constant(value=str(reason)), *_]
            ) if name in faults:
                yield reason
            case ast.Call(func=ast.Name(id=name), args=[_, ast.Constant(value=str(reason)), *_]) if name in remote:
                yield reason


def test_every_reason_is_on_the_page_of_errors_and_no_other() -> None:
    sources = [path for name in _PACKAGES for path in (ROOT / name).rglob("*.py")]
    expected = {reason for path in sources for reason in raised(ast.parse(path.read_text()))}
    expected |= {*AuthReason, *CustomerReason, *ProductReason}
    expected |= {reason for _, reason, _ in problems.CALL_ERRORS.values()} | {problems.LOST[1], *problems.FINER}
    expected |= {"internal", "queue_full", "queue_too_slow"}
    assert expected == {reason for reason, _ in _ROW.findall(ERRORS)}


@pytest.mark.parametrize(("reason", "status"), problems.FINER.items())
def test_a_reason_of_the_gateways_own_has_its_status(reason: str, status: int) -> None:
    assert (reason, str(status)) in _ROW.findall(ERRORS)
