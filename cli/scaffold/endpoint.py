"""Write a new endpoint into a service: contract, declaration, handler, repository method, golden file, route."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from cli.scaffold.errors import ScaffoldError
from cli.scaffold.names import EndpointNames
from cli.scaffold.source import Source, constant_arguments
from cli.scaffold.subjects import declare
from cli.scaffold.templates import text
from ops.process import Process

_FIELDS = {"typing": ["Annotated"], "pydantic": ["Field"]}


@dataclass(frozen=True)
class Repository:
    """The repository that a service's handlers use."""

    attribute: str
    """Where the handlers keep it: `_customers`."""
    kind: str
    """Its class: `Customers`."""


def add_endpoint(root: Path, names: EndpointNames, row: Process) -> None:
    """Write the endpoint into the project at `root`. Raises ScaffoldError if the service has another shape."""
    words = names.words()
    shape = "stored" if row.store else "stateless"
    handlers = Source(root, f"{row.package}/handlers.py")
    if row.store:
        repository = _repository(handlers, row)
        words["attribute"] = repository.attribute
        _add_query(root, row, repository, words)
    else:
        handlers.import_names("mesh.core.version", ["package_version"])
    handlers.append_to_class("Handlers", names.method, text(f"endpoint/handler_{shape}.py", words))
    handlers.import_names(f"contracts.{names.service}", [words["Request"], words["Reply"]])
    handlers.import_names("subjects", [words["constant"]])
    handlers.save()
    _add_contract(root, names, shape, words)
    _declare(root, names, words)
    words["url"] = _add_route(root, names, words)
    golden = root / "tests" / "contract" / "examples" / names.service / f"{words['subject']}.json"
    golden.write_text(text(f"endpoint/golden_{shape}.json", words), encoding="utf-8")


def _repository(handlers: Source, row: Process) -> Repository:
    """The repository that `Handlers` is given: an argument that it keeps, of a class in the service's repository.py."""
    own = {
        name.asname or name.name
        for node in handlers.tree.body
        if isinstance(node, ast.ImportFrom) and node.module == f"{row.package}.repository"
        for name in node.names
    }
    for function in handlers.class_named("Handlers").body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            kinds = {one.arg: one.annotation.id for one in function.args.args if isinstance(one.annotation, ast.Name)}
            for node in ast.walk(function):
                match node:
                    case ast.Assign(targets=[ast.Attribute(attr=attribute)], value=ast.Name(id=name)) if (
                        kinds.get(name) in own
                    ):
                        return Repository(attribute, kinds[name])
    raise ScaffoldError(
        f"{row.package}/handlers.py: Handlers takes no repository of {row.package}/repository.py:"
        " write the endpoint by hand, as docs/guides/adding-an-endpoint.md says"
    )


def _add_query(root: Path, row: Process, repository: Repository, words: dict[str, str]) -> None:
    """Add the query to the repository's class."""
    queries = Source(root, f"{row.package}/repository.py")
    source = ast.get_source_segment(queries.text, queries.class_named(repository.kind)) or ""
    if row.store == "mongo":
        found = re.search(r'self\.(_\w+) = database\["', source)
        if found is None:
            raise queries.missing("collection")
        made = text("endpoint/repository_mongo.py", {**words, "collection": found[1]})
    else:
        table, condition = _table(queries, repository.kind, source)
        made = text("endpoint/repository_postgres.py", {**words, "table": table, "condition": condition})
    queries.append_to_class(repository.kind, words["method"], made)
    queries.save()


def _table(queries: Source, kind: str, source: str) -> tuple[str, str]:
    """The table of a repository, and the condition for its rows that are in use."""
    for node in queries.class_named(kind).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="table")], value=ast.Call() as call):
                placed, named = constant_arguments(call)
                if placed:
                    return str(placed[0]), f" WHERE {named['in_use']}" if "in_use" in named else ""
    found = re.search(r"FROM (\w+)", source)
    if found is None:
        raise queries.missing("table")
    return found[1], ""


def _add_contract(root: Path, names: EndpointNames, shape: str, words: dict[str, str]) -> None:
    contract = Source(root, f"contracts/{names.service}.py")
    contract.append(text(f"endpoint/contract_{shape}.py", words))
    contract.import_names("contracts.base", ["Reply", "Request"])
    if shape == "stateless":
        for module, imported in _FIELDS.items():
            contract.import_names(module, imported)
    contract.save()


def _declare(root: Path, names: EndpointNames, words: dict[str, str]) -> None:
    line = (
        f'{words["constant"]} = Endpoint("{words["subject"]}", {names.service}.{words["Request"]},'
        f" {names.service}.{words['Reply']}, USER, idempotent=True, read=True)"
    )
    declare(root, names.service, line, {})


def _add_route(root: Path, names: EndpointNames, words: dict[str, str]) -> str:
    """Add the route above all others, whose parameters might take its path. Returns its path."""
    path = f"gateway/api/{names.service}/routes.py"
    routes = Source(root, path)
    router = routes.assigned("router")
    prefix = constant_arguments(router)[1].get("prefix") if isinstance(router, ast.Call) else None
    if not isinstance(prefix, str):
        raise ScaffoldError(f"{path}: the router has no prefix")
    own = f"/{names.service.replace('_', '-')}"
    route = f"/{words['path']}" if prefix.endswith(own) else f"{own}/{words['path']}"
    routes.insert_before_decorated(text("endpoint/route.py", {**words, "route": route}))
    routes.import_names(f"contracts.{names.service}", [words["Request"], words["Reply"]])
    routes.import_names("subjects", [words["constant"]])
    routes.save()
    return prefix + route
