"""`--env-file FILE`: variables for a command, from a file of lines `NAME=VALUE`."""

import os
from pathlib import Path

from models.errors import InvalidSettings

OPTION = "--env-file"
VARIABLE = "LIKENESS_ENV_FILE"


def in_front(arguments: list[str]) -> list[str]:
    """The command line with the option before the command, since it may be given behind it, too."""
    for place, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument.startswith(f"{OPTION}="):
            return [argument, *arguments[:place], *arguments[place + 1 :]]
        if argument == OPTION:
            return [*arguments[place : place + 2], *arguments[:place], *arguments[place + 2 :]]
    return arguments


def load(file: Path) -> None:
    """Adds the file's variables to the environment. One that is set there already keeps its value.

    A line may begin with `export`, and a value may have quotes. Raises InvalidSettings, which names a line and
    never quotes it: it may hold a secret.
    """
    from dotenv.parser import parse_stream

    try:
        with file.open(encoding="utf-8") as lines:
            bindings = list(parse_stream(lines))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it isn't UTF-8 text"
        raise InvalidSettings(f"The file that {OPTION} or {VARIABLE} names can't be read: {why}.") from None
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            raise InvalidSettings(
                f"Line {binding.original.line} of the file that {OPTION} or {VARIABLE} names can't be read. "
                "Write NAME=VALUE, with single quotes around a value that has spaces, quotes or a #."
            )
    for binding in bindings:
        if binding.key is not None and binding.value is not None:
            os.environ.setdefault(binding.key, binding.value)
