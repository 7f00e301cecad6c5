"""Edits of Python files at places that their syntax tree tells: after a statement, at a class's end, among imports."""

import ast
from collections.abc import Iterable
from pathlib import Path

from cli.scaffold.errors import ScaffoldError


class Source:
    """A Python file that grows. Each edit raises ScaffoldError if its place is not to be found."""

    def __init__(self, root: Path, path: str) -> None:
        self._root = root
        self._file = root / path
        self._path = path
        if not self._file.is_file():
            raise ScaffoldError(f"there is no {path}: the service must have the shape that docs/guides describes")
        self._set(self._file.read_text(encoding="utf-8"))

    def save(self) -> None:
        """Write the file."""
        self._file.write_text(self.text, encoding="utf-8")

    def missing(self, what: str) -> ScaffoldError:
        """The error for a place that is not to be found."""
        return ScaffoldError(f"{self._path}: found no {what}, beside which the new lines belong")

    def insert_after(self, node: ast.stmt, text: str) -> None:
        """Insert whole lines below a statement."""
        self._insert(node.end_lineno or node.lineno, text)

    def insert_before_decorated(self, text: str) -> None:
        """Insert whole lines above the first function with a decorator."""
        for node in self.tree.body:
            if isinstance(node, ast.AsyncFunctionDef) and node.decorator_list:
                self._insert(node.decorator_list[0].lineno - 1, text)
                return
        raise self.missing("route")

    def append(self, text: str) -> None:
        """Add lines at the end, below two empty ones."""
        self._set(f"{self.text.rstrip()}\n\n\n{text}")

    def append_to_class(self, name: str, method: str, text: str) -> None:
        """Add a method, with its decorators, at the end of a class.

        Raises ScaffoldError if it has one of that name, or inherits one.
        """
        found = self.class_named(name)
        if method in self.methods(found):
            raise ScaffoldError(f"{self._path}: {name} has a method {method} already")
        self.insert_after(found.body[-1], f"\n{text}")

    def methods(self, found: ast.ClassDef) -> set[str]:
        """The names of a class's methods, with those of its bases in this project."""
        own = {one.name for one in found.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
        bases = [one.value if isinstance(one, ast.Subscript) else one for one in found.bases]
        names = {one.id for one in bases if isinstance(one, ast.Name)}
        for node in self.tree.body:
            path = f"{node.module.replace('.', '/')}.py" if isinstance(node, ast.ImportFrom) and node.module else ""
            if isinstance(node, ast.ImportFrom) and (self._root / path).is_file():
                for base in names & {one.name for one in node.names}:
                    other = Source(self._root, path)
                    own |= other.methods(other.class_named(base))
        return own

    def class_named(self, name: str) -> ast.ClassDef:
        """The class of that name."""
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return node
        raise self.missing(f"class {name}")

    def assigned(self, name: str) -> ast.expr:
        """What a name of the module is set to."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and [name] == [one.id for one in node.targets if isinstance(one, ast.Name)]:
                return node.value
        raise self.missing(f"`{name} =`")

    def import_names(self, module: str, names: Iterable[str]) -> None:
        """Import these from a module as well; the formatter gives them their order."""
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == module and not node.level:
                known = [f"{one.name} as {one.asname}" if one.asname else one.name for one in node.names]
                self._replace_lines(node, f"from {module} import {', '.join(dict.fromkeys([*known, *names]))}\n")
                return
        imports = [node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        if not imports:
            raise self.missing("import")
        self.insert_after(imports[-1], f"from {module} import {', '.join(names)}\n")

    def insert_in_tuple(self, name: str, text: str) -> None:
        """Add lines at the end of the tuple that a name is set to."""
        value = self.assigned(name)
        if not isinstance(value, ast.Tuple) or value.end_lineno is None:
            raise self.missing(f"tuple `{name} = (`")
        self._insert(value.end_lineno - 1, text)

    def extend_loop(self, target: str, name: str) -> None:
        """Add a name at the end of the tuple over which `for <target> in (…)` runs."""
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.For)
                and isinstance(node.target, ast.Name)
                and node.target.id == target
                and isinstance(node.iter, ast.Tuple)
            ):
                last = node.iter.elts[-1]
                lines = self.text.splitlines(keepends=True)
                at, line = (last.end_lineno or 0) - 1, lines[(last.end_lineno or 0) - 1]
                lines[at] = f"{line[: last.end_col_offset]}, {name}{line[last.end_col_offset :]}"
                self._set("".join(lines))
                return
        raise self.missing(f"`for {target} in (`")

    def _insert(self, line: int, text: str) -> None:
        lines = self.text.splitlines(keepends=True)
        self._set("".join([*lines[:line], text, *lines[line:]]))

    def _replace_lines(self, node: ast.stmt, text: str) -> None:
        lines = self.text.splitlines(keepends=True)
        self._set("".join([*lines[: node.lineno - 1], text, *lines[node.end_lineno :]]))

    def _set(self, text: str) -> None:
        self.text = text
        try:
            self.tree = ast.parse(text)
        except SyntaxError as error:
            raise ScaffoldError(f"{self._path}: line {error.lineno} is not Python: {error.msg}") from error


def constant_arguments(call: ast.Call) -> tuple[list[object], dict[str, object]]:
    """The arguments of a call that are constants, by place and by name."""
    placed: list[object] = [one.value for one in call.args if isinstance(one, ast.Constant)]
    named: dict[str, object] = {
        one.arg: one.value.value for one in call.keywords if one.arg and isinstance(one.value, ast.Constant)
    }
    return placed, named
