"""The base of all settings: read from the environment; a blank value counts as unset."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

DAY: Final = 86_400.0
"""Seconds; the longest timeout, since timers do not accept every number."""


def not_blank(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without blank texts, which count as unset."""
    return {name: value for name, value in values.items() if not isinstance(value, str) or value.strip()}


def word(text: object) -> object:
    """A word in lower case."""
    return text.strip().lower() if isinstance(text, str) else text


def _expanded(path: object) -> object:
    """The path with `~` expanded, or unchanged if the home directory is unknown."""
    return os.path.expanduser(path) if isinstance(path, str | Path) else path  # noqa: PTH111  # Path's own raises then


def _is_file(path: Path) -> Path:
    if not os.path.isfile(path):  # noqa: PTH113  # Path's own raises where a folder may not be looked into
        raise ValueError("does not point to a file")
    return path


AnyPath = Annotated[Path, BeforeValidator(_expanded)]
ExistingFile = Annotated[AnyPath, AfterValidator(_is_file)]


class Settings(BaseSettings):
    """Settings of a process, each from the environment variable of its name. A blank variable counts as unset."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the names are pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment. No `.env` file is read: looking through it for each field takes time."""
        return init_settings, env_settings

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        return not_blank(values)
