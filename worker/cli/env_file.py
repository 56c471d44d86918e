"""`--env-file FILE`: variables for a command, from a file of lines `NAME=VALUE`."""

import os
from pathlib import Path

from models.errors import InvalidInput, InvalidSettings

OPTION = "--env-file"
VARIABLE = "LIKENESS_ENV_FILE"


def in_front(arguments: list[str]) -> list[str]:
    """The command line with the option before the command, since it may be given behind it, too.

    Raises InvalidInput if there are two.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    places = [
        place
        for place, argument in enumerate(arguments[:end])
        if argument == OPTION or argument.startswith(f"{OPTION}=")
    ]
    if not places:
        return arguments
    if len(places) > 1:
        raise InvalidInput(
            f"Give {OPTION} once. A variable that the environment has counts before the file's."
        )
    (place,) = places
    after = place + (2 if arguments[place] == OPTION else 1)
    if after > end:
        return [OPTION]  # without its value, which is the error to tell
    return [*arguments[place:after], *arguments[:place], *arguments[after:]]


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
        if binding.error or (binding.key is not None and not _can_be_set(binding.key, binding.value)):
            raise InvalidSettings(
                f"Line {binding.original.line} of the file that {OPTION} or {VARIABLE} names can't be read. "
                "Write NAME=VALUE, with single quotes around a value that has spaces, quotes or a #."
            )
    for binding in bindings:
        if binding.key is not None and binding.value is not None:
            os.environ.setdefault(binding.key, binding.value)


def _can_be_set(name: str, value: str | None) -> bool:
    return value is not None and "=" not in name and "\0" not in name + value
