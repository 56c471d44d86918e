"""A folder that can't be written is one sentence, and a probe leaves nothing behind."""

from pathlib import Path

import pytest

from models.errors import FolderUnusable
from worker.base.folders import require_room


def test_a_folder_with_room_is_made_and_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    require_room(folder, "--out")
    assert list(folder.iterdir()) == []


def test_a_folder_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable, match=r"MB left, and 1152921504607 MB are needed\. .* --out\."):
        require_room(tmp_path, "--out", 1 << 60)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_is_no_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnusable, match=r"Nothing can be written to .*file"):
        require_room(tmp_path / place, "--out")


def test_a_folder_that_takes_no_file_is_refused() -> None:
    # Not even root can make a file there.
    with pytest.raises(FolderUnusable, match="Nothing can be written to /proc"):
        require_room(Path("/proc/self"), "--out")
