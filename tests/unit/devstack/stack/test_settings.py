from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from devstack.stack.settings import StackSettings
from services import BY_NAME

URLS = ("NATS_URL", "CUSTOMERS_DATABASE_URL", "PRODUCTS_DATABASE_URL", "AUTH_MONGODB_URL")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the terminal of the tests says."""
    for name in (*URLS, "MESH_HOME", "MESH_HTTP_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_everything_has_a_default() -> None:
    settings = StackSettings()
    assert (Path(".mesh"), "127.0.0.1", 8080, {}) == (
        settings.home,
        settings.http_host,
        settings.http_port,
        settings.replicas,
    )
    assert settings.nats_url is None


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_HOME", "/from/environment")
    monkeypatch.setenv("MESH_HTTP_PORT", "81")
    assert (Path("/from/environment"), 82) == (StackSettings().home, StackSettings(http_port=82).http_port)


@pytest.mark.parametrize("name", URLS)
def test_the_environment_names_servers_of_somebody_else(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "scheme://elsewhere")
    assert "scheme://elsewhere" == getattr(StackSettings(), name.lower())


@pytest.mark.parametrize(
    "wrong", [{"http_port": 65_536}, {"replicas": {"carts": 2}}, {"replicas": {"auth": 0}}, {"nats_nodes": 0}]
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        StackSettings.model_validate(wrong)


@pytest.mark.parametrize(
    ("told", "absent"),
    [
        ({}, set()),
        ({"without": ["customers"]}, {"customers"}),
        ({"without": ["customers", "gateway"]}, {"customers", "gateway"}),
        ({"only": ["customers"]}, set(BY_NAME) - {"customers"}),
        ({"only": ["customers", "gateway"]}, set(BY_NAME) - {"customers", "gateway"}),
        ({"without": "customers, auth"}, {"customers", "auth"}),
    ],
)
def test_services_may_be_left_out(told: dict[str, object], absent: set[str]) -> None:
    assert absent == StackSettings.model_validate(told).absent


def test_services_may_be_left_out_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_WITHOUT", "customers,auth")
    assert {"customers", "auth"} == StackSettings().absent


@pytest.mark.parametrize(
    "wrong",
    [{"without": ["carts"]}, {"only": ["carts"]}, {"without": ["auth"], "only": ["gateway"]}, {"nats_port": 0}],
)
def test_a_service_that_is_left_out_exists_and_is_told_in_one_way(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        StackSettings.model_validate(wrong)
