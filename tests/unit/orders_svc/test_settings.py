import pytest

from mesh.process.run import StartError, read_settings
from orders_svc.settings import OrdersSettings

URL = "postgresql://orders:word@127.0.0.1:5432/orders"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_DATABASE_URL", URL)
    monkeypatch.setenv("ORDERS_SEED", "true")
    monkeypatch.setenv("ORDERS_POOL_SIZE", "3")

    settings = read_settings(OrdersSettings)

    assert URL == settings.orders_database_url.get_secret_value()
    assert (True, 3) == (settings.orders_seed, settings.orders_pool_size)
    assert URL not in repr(settings)


@pytest.mark.parametrize("url", [None, "", "mysql://orders:word@127.0.0.1/orders", "postgresql://orders:wo/rd@host/x"])
def test_a_missing_or_malformed_url_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    monkeypatch.delenv("ORDERS_DATABASE_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("ORDERS_DATABASE_URL", url)

    with pytest.raises(StartError, match="ORDERS_DATABASE_URL") as refused:
        read_settings(OrdersSettings)

    assert ":wo" not in str(refused.value)
