import pytest
from pydantic import BaseModel, ValidationError

from providers.postgres.database import PostgresUrl


class Settings(BaseModel):
    url: PostgresUrl


def test_a_url_does_not_show_its_password() -> None:
    settings = Settings.model_validate({"url": "postgresql://user:pass%2Fword@host:5432/database"})

    assert "word" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        *("", "mysql://user:word@host/database", "postgresql://user:pass/word@host/database"),
        "postgresql+asyncpg://user:word@host/database",
        *(
            "postgresql://host/database",
            "postgresql://:word@host/database",
        ),  # a user would be whoever typed the command
        "postgresql://user:word@host/database?sslmode=perhaps",
        "postgresql://user:word@host/database?sslmode",
        "postgresql://user:word@host/database?ssl_min_protocol_version=SSLv3.1",
    ],
)
def test_a_malformed_url_is_refused_in_words_without_it(url: str) -> None:
    with pytest.raises(ValidationError, match="postgresql://host:port/database") as refused:
        Settings.model_validate({"url": url})

    assert "word@host/" not in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize("parameter", ["sslrootcert", "sslcert", "sslcrl"])
@pytest.mark.parametrize("file", ["/nowhere", __file__])
def test_a_certificate_that_cannot_be_read_is_told_without_the_url(parameter: str, file: str) -> None:
    url = f"postgresql://user:word@host/database?sslmode=verify-full&{parameter}={file}"
    with pytest.raises(ValidationError, match="sslrootcert, sslcert, sslkey, sslcrl: ") as refused:
        Settings.model_validate({"url": url})

    assert "word" not in refused.value.errors()[0]["msg"]
