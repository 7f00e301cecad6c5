"""An edit whose place is not to be found says so and names the file."""

import ast
from pathlib import Path

import pytest

from cli.scaffold.endpoint import add_endpoint
from cli.scaffold.errors import ScaffoldError
from cli.scaffold.names import EndpointNames, ServiceNames
from cli.scaffold.service import with_package
from cli.scaffold.source import Source
from cli.scaffold.subjects import declare
from cli.scaffold.templates import FOLDERS, rendered
from services import BY_NAME
from tests.support.paths import ROOT

HANDLERS = '''"""Handlers."""

from subjects import SAY


class Handlers:
    """What is answered."""

    async def say(self) -> None:
        """Say it."""
'''


def source(folder: Path, text: str) -> Source:
    (folder / "file.py").write_text(text)
    return Source(folder, "file.py")


def test_a_method_is_added_at_the_end_of_its_class(tmp_path: Path) -> None:
    edited = source(tmp_path, f"{HANDLERS}\n\nclass Other:\n    pass\n")
    edited.append_to_class("Handlers", "hear", "    async def hear(self) -> None:\n        pass\n")

    assert ["say", "hear"] == [
        node.name for node in edited.class_named("Handlers").body if isinstance(node, ast.AsyncFunctionDef)
    ]


def test_a_method_that_is_there_is_not_added_again(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match=r"^file\.py: Handlers has a method say already$"):
        source(tmp_path, HANDLERS).append_to_class("Handlers", "say", "")


@pytest.mark.parametrize("method", ["list", "find_many", "get"])
def test_a_method_that_is_inherited_is_not_hidden(method: str) -> None:
    with pytest.raises(ScaffoldError, match=rf"Catalogue has a method {method} already"):
        Source(ROOT, "products_svc/repository.py").append_to_class("Catalogue", method, "")


def test_a_name_is_imported_once_beside_the_others_of_its_module(tmp_path: Path) -> None:
    edited = source(tmp_path, HANDLERS)
    for _ in range(2):
        edited.import_names("subjects", ["HEAR"])
    edited.import_names("contracts", ["auth"])

    assert "from subjects import SAY, HEAR\nfrom contracts import auth\n" in edited.text


def test_a_tuple_and_a_loop_grow_at_their_end(tmp_path: Path) -> None:
    edited = source(tmp_path, "ROWS = (\n    1,\n)\nfor one in (\n    a,\n    b,\n):\n    pass\n")
    edited.insert_in_tuple("ROWS", "    2,\n")
    edited.extend_loop("one", "c")

    assert "ROWS = (\n    1,\n    2,\n)\nfor one in (\n    a,\n    b, c,\n):\n    pass\n" == edited.text


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda file: file.append_to_class("Missing", "say", ""), "class Missing"),
        (lambda file: file.insert_in_tuple("PROCESSES", ""), "`PROCESSES =`"),
        (lambda file: file.extend_loop("routes", "x"), r"`for routes in \(`"),
        (lambda file: file.insert_before_decorated(""), "route"),
    ],
)
def test_a_place_that_is_not_there_is_named(tmp_path: Path, edit: object, what: str) -> None:
    assert callable(edit)
    with pytest.raises(ScaffoldError, match=rf"^file\.py: found no {what}"):
        edit(source(tmp_path, HANDLERS))


def test_a_table_without_endpoints_takes_no_declaration(tmp_path: Path) -> None:
    (tmp_path / "subjects.py").write_text("from contracts import auth\n")
    with pytest.raises(ScaffoldError, match=r"subjects\.py: found no line with an Endpoint"):
        declare(tmp_path, "notes", "NOTES_GET = 1", {})


def test_a_file_that_is_no_python_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match=r"file\.py: line 1 is not Python"):
        source(tmp_path, "class (")


def test_a_package_stands_in_each_list_of_packages_but_not_in_one_about_a_single_service() -> None:
    text = 'a = ["auth_svc", "cli", "products_svc"]\nb = ["auth_svc", "worker"]\nc = "auth_svc | products_svc"\n'
    made = 'a = ["auth_svc", "notes_svc", "cli", "products_svc"]\nb = ["auth_svc", "worker"]\n'

    assert f'{made}c = "auth_svc | products_svc | notes_svc"\n' == with_package(text, "notes_svc")
    with pytest.raises(ScaffoldError, match="found no list"):
        with_package("", "notes_svc")


def test_a_service_of_another_shape_is_refused_before_anything_is_written() -> None:
    with pytest.raises(
        ScaffoldError, match=r"^auth_svc/handlers\.py: Handlers takes no repository of .*: write the endpoint by hand"
    ):
        add_endpoint(ROOT, EndpointNames("auth", "count"), BY_NAME["auth"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_template_is_python_for_any_name(folder: str) -> None:
    for name in ("notes", "gift_cards", "stock"):
        files = dict(rendered(folder, ServiceNames(name).words()))
        assert files
        for path, text in files.items():
            assert "{" not in path
            if path.endswith(".py"):
                ast.parse(text, path)
