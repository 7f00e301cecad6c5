import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from providers.errors import DatabaseRefused
from providers.postgres import PostgresUrl, open_database


class Settings(BaseModel):
    url: PostgresUrl


def test_a_url_does_not_show_its_password() -> None:
    settings = Settings.model_validate({"url": "postgresql://user:pass%2Fword@host:5432/database"})

    assert "word" not in repr(settings)


@pytest.mark.parametrize("url", ["", "mysql://user:word@host/database", "postgresql://user:pass/word@host/database"])
def test_a_malformed_url_is_refused_in_words_without_it(url: str) -> None:
    with pytest.raises(ValidationError, match="postgresql://host:port/database") as refused:
        Settings.model_validate({"url": url})

    assert "word@host/" not in refused.value.errors()[0]["msg"]


async def test_a_url_that_the_driver_does_not_know_fails_at_once() -> None:
    with pytest.raises(DatabaseRefused, match="database nowhere at localhost:5432"):
        async with open_database(SecretStr("postgresql+asyncpg://user:word@localhost/nowhere"), name="test"):
            pass
