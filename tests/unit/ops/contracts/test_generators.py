"""What the generators of types are given, and the tables of subjects."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.application import application
from ops.contracts.document import Declared
from ops.contracts.generators import golang, typescript
from ops.contracts.generators.language import camel
from ops.contracts.tree import Contracts
from tests.support.paths import ROOT


def generate(*arguments: str, path: str = "") -> Result:
    return CliRunner().invoke(application(["contracts"]), ["contracts", "generate", *arguments], env={"PATH": path})


@pytest.mark.parametrize(
    ("language", "install"),
    [
        ("go", "oapi-codegen is required: go install github.com/oapi-codegen/"),
        ("typescript", "json2ts is required: npm install --global json-schema-to-typescript@"),
    ],
)
def test_a_missing_tool_is_named_with_the_command_that_installs_it(tmp_path: Path, language: str, install: str) -> None:
    result = generate(language, str(tmp_path / "out"), path=str(tmp_path))
    assert 1 == result.exit_code
    assert result.stderr.startswith(f"mesh: {install}")
    assert not (tmp_path / "out").exists()


def test_a_tool_that_fails_is_quoted(tmp_path: Path) -> None:
    tool = tmp_path / "json2ts"
    tool.write_text("#!/bin/sh\necho 'no such option' >&2\nexit 3\n")
    tool.chmod(0o755)
    result = generate("typescript", str(tmp_path / "out"), path=str(tmp_path))
    assert (1, "mesh: json2ts failed: no such option\n") == (result.exit_code, result.stderr)


def test_an_export_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    result = generate("go", str(tmp_path), "--from", str(tmp_path / "nowhere"))
    assert 1 == result.exit_code
    assert "nowhere" in result.stderr


def test_openapi_keeps_null_and_leaves_out_what_types_do_not_show(declared: Declared) -> None:
    shapes = golang.openapi(declared.definitions)["components"]["schemas"]
    patch = shapes["CustomerPatch"]["properties"]
    assert {"type": "string", "nullable": True, "x-order": 4} == patch["city"]
    assert {"type": "string", "x-order": 0} == patch["company_name"]
    channel = shapes["Notification"]["properties"]["channel"]
    assert [{"$ref": "#/components/schemas/Channel"}] == channel["allOf"]
    assert channel["nullable"]
    assert {"type": "string", "nullable": True, "x-order": 1} == shapes["SessionPage"]["properties"]["next_cursor"]
    assert "struct{}" == shapes["GetMe"]["x-go-type"]
    assert not re.search(r'"(anyOf|const|\$defs)"', json.dumps(shapes))


def test_typescript_gets_each_shape_once_and_closed(declared: Declared) -> None:
    document = typescript.schemas(declared.definitions)
    assert document["properties"].keys() == document["$defs"].keys() == declared.definitions.keys()
    assert all("additionalProperties" not in shape for shape in document["$defs"].values())


def test_the_tables_have_every_subject(contracts: Contracts) -> None:
    subjects = {*contracts.endpoints, *contracts.events}
    assert subjects == set(re.findall(r'Subject: "([\w.]+)"', golang.subjects(contracts)))
    assert subjects == set(re.findall(r'^  "([\w.]+)": ', typescript.subjects(contracts), re.MULTILINE))
    assert "Endpoint[GetCustomer, Customer]{" in golang.subjects(contracts)
    assert "as Endpoint<shapes.GetCustomer, shapes.Customer>," in typescript.subjects(contracts)
    assert "ProductsGetMany" == camel("products.get_many")


def test_the_tools_of_the_tests_are_those_that_the_command_names() -> None:
    packages = json.loads((ROOT / "polyglot" / "package.json").read_text())["dependencies"]
    assert typescript.VERSION == packages["json-schema-to-typescript"]
    assert golang.VERSION in golang.GO.install
