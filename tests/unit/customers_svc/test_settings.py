import pytest

from customers_svc.settings import CustomersSettings
from mesh.process.run import StartError, read_settings

URL = "postgresql://customers:word@127.0.0.1:5432/customers"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMERS_DATABASE_URL", URL)
    monkeypatch.setenv("CUSTOMERS_SEED", "true")
    monkeypatch.setenv("CUSTOMERS_POOL_SIZE", "3")

    settings = read_settings(CustomersSettings)

    assert URL == settings.customers_database_url.get_secret_value()
    assert (True, 3) == (settings.customers_seed, settings.customers_pool_size)
    assert URL not in repr(settings)


@pytest.mark.parametrize(
    "url", [None, "", "mysql://customers:word@127.0.0.1/customers", "postgresql://customers:wo/rd@host/x"]
)
def test_a_missing_or_malformed_url_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    monkeypatch.delenv("CUSTOMERS_DATABASE_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("CUSTOMERS_DATABASE_URL", url)

    with pytest.raises(StartError, match="CUSTOMERS_DATABASE_URL") as refused:
        read_settings(CustomersSettings)

    assert ":wo" not in str(refused.value)
