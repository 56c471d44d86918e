"""Pictures in forms: `multipart/form-data`, as browsers and `curl -F` send it."""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from models.errors import InvalidInput

FORM = "multipart/form-data"
FIELD = "file"
_ADVICE = f"Send one picture, in the field {FIELD!r}: curl -F {FIELD}=@nova.png"
# The most files and fields that are looked at, to name those that don't belong there.
_MOST = 4

# It warns of every malformed form, which is the caller's matter.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


class _Parser(MultiPartParser):
    # The body is in memory, and its size has a cap: files needn't go to the disk.
    spool_max_size = sys.maxsize

    def close(self) -> None:
        """Closes all files, also those that the form breaks off in."""
        for file in self._files_to_close_on_error:
            file.close()


def picture_in(content_type: str, form: bytes) -> tuple[bytes, str]:
    """The one picture in a form, and its media type: `application/octet-stream` if the form doesn't say. Raises
    InvalidInput. May take some tenths of a second."""

    async def read() -> tuple[bytes, str]:
        parser = _Parser(
            Headers({"content-type": content_type}), _stream(form), max_files=_MOST, max_fields=_MOST
        )
        try:
            return await _only_file(await parser.parse())
        finally:
            parser.close()

    try:
        # Nothing in it waits.
        return asyncio.run(read())
    except (MultiPartException, FormParserError) as error:
        reason = error.message if isinstance(error, MultiPartException) else "it is malformed."
        raise _refused(f"The form can't be read: {reason}", "(form)", "can't be read") from None
    except (UnicodeError, LookupError, ValueError):
        # The charset of its content type, which names any codec that Python has, and some that it hasn't.
        raise _refused(
            "The form can't be read: its charset isn't one for text.", "(form)", "can't be read"
        ) from None


async def _stream(form: bytes) -> AsyncGenerator[bytes, None]:
    yield form


async def _only_file(form: FormData) -> tuple[bytes, str]:
    for name, value in form.multi_items():
        if name != FIELD:
            raise _refused(f"The form has a field {name[:64]!r}.", name[:64], "unknown")
        if not isinstance(value, UploadFile):
            raise _refused(f"The form's field {FIELD!r} is text.", FIELD, "not a file")
    files = [value for value in form.getlist(FIELD) if isinstance(value, UploadFile)]
    if len(files) != 1:
        raise _refused(f"The form has {len(files)} pictures.", FIELD, "must be one file")
    return await files[0].read(), files[0].content_type or "application/octet-stream"


def _refused(message: str, path: str, reason: str) -> InvalidInput:
    return InvalidInput(f"{message} {_ADVICE}", fields=[{"path": path, "reason": reason}])
