"""Base class of all settings: read from the environment (`LIKENESS_…`), frozen."""

import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Self

from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from models.errors import InvalidSettings

PREFIX = "LIKENESS_"
GROUP = "likeness.settings"
"""The entry point group of all classes of settings. A variable that is in none of them is misspelt."""
# Of programs that call the API, and of the command line.
_OF_CALLERS = ("LIKENESS_API_KEY", "LIKENESS_API_URL", "LIKENESS_ENV_FILE")

log = logging.getLogger(__name__)


class EnvironmentSettings(BaseSettings):
    """Settings of a process. Whitespace around a value is removed: secrets read from files often end with
    some. A variable that no class of settings has is warned of, once."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The settings: `given`, and the environment's for the rest. Raises InvalidSettings, without any value."""
        try:
            return cls(**given)
        except SettingsError as error:
            # A value that should be JSON and isn't. The text names the field, and not the value.
            raise InvalidSettings(f"The settings can't be used: {error}. It must be JSON.") from None
        except ValidationError as error:
            problems = "; ".join(": ".join([*map(variable, e["loc"]), e["msg"]]) for e in error.errors())
            raise InvalidSettings(f"The settings can't be used. {problems}") from None

    @model_validator(mode="before")
    @classmethod
    def _stripped(cls, given: dict[str, Any]) -> dict[str, Any]:
        _warn_once()
        return {name: _stripped(name, value) for name, value in given.items()}


def variable(name: int | str) -> str:
    """The name of a field's environment variable."""
    return f"{PREFIX}{str(name).upper()}"


def misspelt(names: Iterable[str]) -> dict[str, str | None]:
    """The variables among `names` that look like settings and are none, each with the nearest setting's name, or
    None if no name is near."""
    given = sorted(name for name in names if name.upper().startswith(PREFIX))
    known = _known() if given else set()
    return {name: _nearest(name, known) for name in given if name.upper() not in known}


def _known() -> set[str]:
    found = set(_OF_CALLERS)
    for one in entry_points(group=GROUP):
        # It may be another package's.
        with suppress(Exception):
            found |= {variable(name) for name in one.load().model_fields}
    return found


def _nearest(name: str, known: Iterable[str]) -> str | None:
    # All names begin alike, which mustn't count.
    endings = sorted(one.removeprefix(PREFIX) for one in known)
    near = get_close_matches(name.upper().removeprefix(PREFIX), endings, n=1)
    return PREFIX + near[0] if near else None


@cache
def _warn_once() -> None:
    # Values may be secrets, so only names appear. Without logs, this goes to standard error as it is.
    for name, nearest in misspelt(os.environ).items():
        advice = f"Did you mean {nearest}?" if nearest else "Is it of another version?"
        log.warning("%s is no setting, and has no effect. %s", name, advice)


def _stripped(name: str, value: Any) -> Any:
    if not isinstance(value, str) or value == value.strip():
        return value
    # If logs aren't set up yet, this goes to standard error as it is.
    log.warning("%s has whitespace at its beginning or end, which is left out.", variable(name))
    return value.strip()
