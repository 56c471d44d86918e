"""Checks that a folder can be written, before anything is put there."""

import shutil
from pathlib import Path
from tempfile import NamedTemporaryFile

from models.errors import FolderUnusable

_PROBE = 4096

ROOM = 64 * 1024 * 1024
"""Bytes that the embedded services need for a first run."""


def require_room(folder: Path, option: str, need: int = ROOM) -> None:
    """Makes the folder, and checks that it takes a file and has `need` bytes left. `option` names another one.
    Raises FolderUnusable."""
    advice = f"Free some room, or name another folder with {option}."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(prefix=".likeness-", dir=folder) as probe:
            probe.write(b"\0" * _PROBE)
            probe.flush()
        left = shutil.disk_usage(folder).free
    except OSError as error:
        raise FolderUnusable(f"Nothing can be written to {folder} ({error.strerror}). {advice}") from None
    if left < need:
        raise FolderUnusable(
            f"{folder} has {left / 1e6:.0f} MB left, and {need / 1e6:.0f} MB are needed. {advice}"
        )
