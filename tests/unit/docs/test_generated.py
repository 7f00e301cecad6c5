"""The generated parts of the documentation are current, and the page of errors has every reason."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from devstack.stack.settings import StackSettings
from gateway import problems
from gateway.semantics.problem_types import problem_types
from mesh.core.errors import Code, Fault, RemoteFault
from mesh.core.reasons import COMMON, KEYED, VERIFIED
from mesh.core.settings import Settings
from ops.contracts.reasons import meanings
from services import PROCESSES
from subjects import ENDPOINTS
from tests.support.paths import ROOT
from tests.unit.docs.generated import GROUPS, PARTS, WHOLE, current

_PACKAGES: Final = (*(row.package for row in PROCESSES), "mesh", "providers")
_ROW: Final = re.compile(r"^\| `(\w+)` \| (\d{3}) \| .+ \|$", re.MULTILINE)
ON_NATS: Final = {
    **COMMON,
    **VERIFIED,
    **KEYED,
    **{reason.value: endpoint.codes[reason.value] for endpoint in ENDPOINTS for reason in endpoint.reasons},
}
"""The code of every reason that a worker may answer with."""
ERRORS: Final = (ROOT / "docs" / "reference" / "errors.md").read_text()


@pytest.mark.parametrize("page", [*PARTS, *WHOLE], ids=lambda path: path.name)
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
    return (reason for reason, _ in made(tree))


def made(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The same, each with the name of the class of its fault."""
    faults = [kind.__name__ for kind in below(Fault)]
    remote = [kind.__name__ for kind in below(RemoteFault)]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        match call:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(reason)), *_]) if name in faults:
                yield reason, name
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="field"), args=[_, ast.Constant(value=str(reason)), *_]
            ) if name in faults:
                yield reason, name
            case ast.Call(func=ast.Name(id=name), args=[_, ast.Constant(value=str(reason)), *_]) if name in remote:
                yield reason, name


def test_every_reason_is_on_the_page_of_errors_and_no_other() -> None:
    sources = [path for name in _PACKAGES for path in (ROOT / name).rglob("*.py")]
    expected = {reason for path in sources for reason in raised(ast.parse(path.read_text()))}
    expected |= ON_NATS.keys()
    expected |= {reason for _, reason, _ in problems.CALL_ERRORS.values()} | {problems.LOST[1], *problems.FINER}
    expected |= {*Code}  # of a reason that is not on the page
    assert expected == {reason for reason, _ in _ROW.findall(ERRORS)}


def test_every_reason_says_what_it_means_and_what_to_do() -> None:
    told = meanings(ROOT / "docs" / "reference" / "errors.md")
    assert {reason for reason, _ in _ROW.findall(ERRORS)} == told.keys()
    assert told.keys() == problem_types().keys(), "run `make docs`"
    assert [] == [reason for reason, known in problem_types().items() if not (known.meaning and known.what_to_do)]


def test_a_problem_is_retryable_as_its_page_says() -> None:
    kinds = {kind.__name__: kind for kind in below(Fault) if issubclass(kind, Fault) and kind is not Fault}
    sources = [path for name in ("gateway", "mesh") for path in (ROOT / name).rglob("*.py")]
    expected = {
        reason: kinds[name].code.retryable
        for path in sources
        for reason, name in made(ast.parse(path.read_text()))
        if name in kinds
    }
    expected |= {reason: code.retryable for reason, code in ON_NATS.items()} | {code: code.retryable for code in Code}
    expected |= {reason: code.retryable for code, reason, _ in (*problems.CALL_ERRORS.values(), problems.LOST)}
    assert {reason: problem_types()[reason].retryable for reason in expected} == expected


@pytest.mark.parametrize("code", Code)
def test_a_code_has_its_status(code: Code) -> None:
    assert (code, str(problems.STATUS[code])) in _ROW.findall(ERRORS)


@pytest.mark.parametrize(("reason", "code"), ON_NATS.items())
def test_a_reason_has_the_status_of_its_code(reason: str, code: Code) -> None:
    status = problems.FINER.get(reason, 412 if reason == "version_mismatch" else problems.STATUS[code])
    assert (reason, str(status)) in _ROW.findall(ERRORS)


@pytest.mark.parametrize("package", ["mesh", "auth_svc", "customers_svc", "products_svc"])
def test_a_worker_raises_no_reason_that_is_not_declared(package: str) -> None:
    raised_here = {reason for path in (ROOT / package).rglob("*.py") for reason in raised(ast.parse(path.read_text()))}
    assert set() == raised_here - ON_NATS.keys()


@pytest.mark.parametrize(("reason", "status"), problems.FINER.items())
def test_a_reason_of_the_gateways_own_has_its_status(reason: str, status: int) -> None:
    assert (reason, str(status)) in _ROW.findall(ERRORS)
