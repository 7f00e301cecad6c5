import pytest

from mesh.process.run import StartError, read_settings
from products_svc.settings import ProductsSettings

URL = "postgresql://products:word@127.0.0.1:5432/products"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTS_DATABASE_URL", URL)
    monkeypatch.setenv("PRODUCTS_SEED", "true")
    monkeypatch.setenv("PRODUCTS_POOL_SIZE", "3")

    settings = read_settings(ProductsSettings)

    assert URL == settings.products_database_url.get_secret_value()
    assert (True, 3) == (settings.products_seed, settings.products_pool_size)
    assert URL not in repr(settings)


@pytest.mark.parametrize(
    "url", [None, "", "mysql://products:word@127.0.0.1/products", "postgresql://products:wo/rd@host/x"]
)
def test_a_missing_or_malformed_url_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    monkeypatch.delenv("PRODUCTS_DATABASE_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("PRODUCTS_DATABASE_URL", url)

    with pytest.raises(StartError, match="PRODUCTS_DATABASE_URL") as refused:
        read_settings(ProductsSettings)

    assert ":wo" not in str(refused.value)
