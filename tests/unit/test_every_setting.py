"""What holds of every setting of every process, and so of one that is added tomorrow."""

import base64
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from devstack.stack.environment import inherited
from devstack.stack.services import SERVICES
from devstack.stack.settings import ServiceName, StackSettings
from mesh.core.settings import Settings
from mesh.process.run import StartError, read_settings
from mesh.telemetry.settings import LogSettings, MetricsSettings, TraceSettings
from services import PROCESSES
from tests.support.paths import ROOT
from tests.support.service_settings import OF_SERVICES

SCHEMES = {"postgres": "postgresql", "mongo": "mongodb"}
NEEDED = {
    **{
        row.url_variable: f"{SCHEMES[row.store]}://{row.name}:word@db.test/{row.name}"
        for row in PROCESSES
        if row.store and row.url_variable
    },
    **{key: base64.b64encode(bytes(32)).decode() for row in PROCESSES for key in row.keys},
    **{
        name: value
        for row in PROCESSES
        for name, value in zip(row.mail_variables, ("smtp://mail.test", "shop@mail.test"), strict=False)
    },
}
BLANK = ["", " ", "\t\n "]
NO_NUMBERS = [
    "inf",
    "-inf",
    "Infinity",
    "nan",
    "NaN",
    "1e999",
    "-1e999",
    "-1",
    "-0.5",
    "1" * 40,
    "1e300",
    "ten",
    "0x10",
]


def below(base: type[Settings]) -> Iterator[type[Settings]]:
    for kind in base.__subclasses__():
        yield kind
        yield from below(kind)


def every_class() -> list[type[Settings]]:
    for module in pkgutil.iter_modules([str(ROOT)]):
        if module.ispkg and (ROOT / module.name / "settings.py").exists():
            import_module(f"{module.name}.settings")
    return sorted({kind for kind in below(Settings) if kind.__module__.endswith(".settings")}, key=str)


CLASSES = every_class()
FIELDS = [(kind, name) for kind in CLASSES for name in kind.model_fields]


def parts(field: FieldInfo) -> Iterator[Any]:
    """The types that a field's annotation is made of."""
    waiting = [field.annotation]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += get_args(one) if get_origin(one) is not Literal else ()


def of(*wanted: object) -> list[tuple[type[Settings], str]]:
    """The fields in whose type one of these stands."""
    return [
        (kind, name)
        for kind, name in FIELDS
        if any(one in wanted or get_origin(one) in wanted for one in parts(kind.model_fields[name]))
        and not any(get_origin(one) is dict for one in parts(kind.model_fields[name]))
    ]


def prefix(kind: type[Settings]) -> str:
    """What `mesh up` alone puts before its names, and tells by itself: a test of the command shows that."""
    return str(kind.model_config.get("env_prefix", ""))


def variable(kind: type[Settings], name: str) -> str:
    own = kind.model_fields[name].validation_alias is not None
    return name.upper() if own else f"{prefix(kind)}{name}".upper()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing is told but what a process cannot do without."""
    for kind, name in FIELDS:
        monkeypatch.delenv(variable(kind, name), raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def refusal(kind: type[Settings]) -> str:
    with pytest.raises(StartError) as refused:
        read_settings(kind)
    return str(refused.value)


def test_every_class_of_settings_has_what_all_have_in_common() -> None:
    ours = {kind for kind in BaseSettings.__subclasses__() if (ROOT / kind.__module__.partition(".")[0]).is_dir()}
    assert {Settings} == ours
    assert {*OF_SERVICES.values(), StackSettings, LogSettings, MetricsSettings, TraceSettings} <= set(CLASSES)


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_a_blank_variable_is_one_that_is_not_set(
    environment: pytest.MonkeyPatch, kind: type[Settings], name: str
) -> None:
    environment.delenv(variable(kind, name), raising=False)
    needed = kind.model_fields[name].is_required()
    unset = refusal(kind) if needed else repr(read_settings(kind))

    for blank in BLANK:
        environment.setenv(variable(kind, name), blank)
        assert unset == (refusal(kind) if needed else repr(read_settings(kind)))


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_a_blank_argument_is_one_that_is_not_given(kind: type[Settings], name: str) -> None:
    if not kind.model_fields[name].is_required():
        told: dict[str, Any] = {name: ""}
        assert repr(kind()) == repr(kind(**told))


@pytest.mark.parametrize(("kind", "name"), of(int, float))
def test_every_number_has_a_least_and_a_greatest_value(kind: type[Settings], name: str) -> None:
    field = kind.model_fields[name]
    limits = [*field.metadata, *(one for part in parts(field) for one in getattr(part, "__metadata__", ()))]
    assert any(isinstance(one, Ge | Gt) for one in limits)
    assert any(isinstance(one, Le | Lt) for one in limits)


@pytest.mark.parametrize(("kind", "name"), of(int, float))
def test_what_is_no_sensible_number_is_refused_in_a_line_that_names_the_variable(
    environment: pytest.MonkeyPatch, kind: type[Settings], name: str
) -> None:
    for wrong in NO_NUMBERS:
        environment.setenv(variable(kind, name), wrong)
        told = refusal(kind)
        assert told.startswith(f"settings: {variable(kind, name).removeprefix(prefix(kind))}: ")
        assert 1 == len(told.splitlines())


@pytest.mark.parametrize(("kind", "name"), of(Literal))
def test_a_word_may_be_spelt_in_capitals(environment: pytest.MonkeyPatch, kind: type[Settings], name: str) -> None:
    (literal,) = [one for one in parts(kind.model_fields[name]) if get_origin(one) is Literal]
    for allowed in get_args(literal):
        for spelt in (allowed.upper(), allowed.title(), f" {allowed} "):
            environment.setenv(variable(kind, name), spelt)
            assert allowed == getattr(read_settings(kind), name)
    environment.setenv(variable(kind, name), "loud")
    assert refusal(kind).startswith(f"settings: {variable(kind, name)}: ")


@pytest.mark.parametrize(("kind", "name"), of(Path))
def test_the_home_directory_may_be_written_as_a_tilde(
    environment: pytest.MonkeyPatch, tmp_path: Path, kind: type[Settings], name: str
) -> None:
    environment.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    field = kind.model_fields[name]
    annotated: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    read: TypeAdapter[Path] = TypeAdapter(annotated)
    assert tmp_path / "file" == read.validate_python("~/file")


@pytest.mark.parametrize(("kind", "name"), of(Path))
def test_a_tilde_that_nobody_knows_is_no_traceback(
    environment: pytest.MonkeyPatch, kind: type[Settings], name: str
) -> None:
    environment.setenv(variable(kind, name), "~nobody-of-this-name/file")
    if kind is StackSettings:
        assert Path("~nobody-of-this-name/file") == getattr(StackSettings(), name)
    else:
        assert 1 == len(refusal(kind).splitlines())


@pytest.mark.parametrize("service", SERVICES)
def test_mesh_up_passes_on_what_a_service_has_a_setting_for(service: ServiceName) -> None:
    names = {name.upper() for kind in (OF_SERVICES[service], LogSettings, TraceSettings) for name in kind.model_fields}
    paths = {variable(*one) for one in of(Path)}
    terminal = {name: "/some/file" if name in paths else "some value" for name in names}
    assert terminal == inherited(service, terminal, nats=True)
    lower = {name.lower(): value for name, value in terminal.items()}
    assert lower == inherited(service, lower, nats=True)
    assert {} == inherited(service, dict.fromkeys(names, " "), nats=True)


@pytest.mark.parametrize("service", SERVICES)
def test_a_path_means_the_same_in_the_folder_of_a_service(
    environment: pytest.MonkeyPatch, tmp_path: Path, service: ServiceName
) -> None:
    environment.chdir(tmp_path)
    environment.setenv("HOME", str(tmp_path / "home"))
    for path in (name for kind, name in of(Path) if kind is OF_SERVICES[service]):
        name = path.upper()
        assert {name: str(tmp_path / "a" / "b")} == inherited(service, {name: "a/b"}, nats=True)
        assert {name: str(tmp_path / "home" / "b")} == inherited(service, {name: "~/b"}, nats=True)
