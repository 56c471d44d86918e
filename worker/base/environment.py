"""Base class of all settings: read from the environment (`LIKENESS_…`), frozen."""

import logging
from typing import Any

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "LIKENESS_"

log = logging.getLogger(__name__)


class EnvironmentSettings(BaseSettings):
    """Settings of a process. Whitespace around a value is removed: secrets read from files often end with
    some."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _stripped(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: _stripped(name, value) for name, value in given.items()}


def variable(name: int | str) -> str:
    """The name of a field's environment variable."""
    return f"{PREFIX}{str(name).upper()}"


def _stripped(name: str, value: Any) -> Any:
    if not isinstance(value, str) or value == value.strip():
        return value
    # If logs aren't set up yet, this goes to standard error as it is.
    log.warning("%s has whitespace at its beginning or end, which is left out.", variable(name))
    return value.strip()
