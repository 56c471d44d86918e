"""Files are compared with their locks on all cores, a large one chunk by chunk."""

from hashlib import sha256
from pathlib import Path

import pytest

from pipelines.weights import hashing
from pipelines.weights.lock import LockedFile

DATA = bytes(range(256)) * 10


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "CHUNK", 1000)


def locked(folder: Path, **files: bytes) -> dict[str, LockedFile]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    sizes = {name: len(data) for name, data in files.items()}
    chunks = hashing.hash_chunks(folder, sizes)
    whole = hashing.hash_files(folder, sizes)
    return {
        name: LockedFile(sha256=whole[name], bytes=sizes[name], chunks=chunks.get(name, ())) for name in files
    }


def test_chunks_are_those_of_the_file(tmp_path: Path) -> None:
    files = locked(tmp_path, large=DATA, small=b"x" * 1000, none=b"")
    assert [len(file.chunks) for file in files.values()] == [3, 0, 0]
    assert files["large"].chunks[2] == sha256(DATA[2000:]).hexdigest()
    assert files["large"].sha256 == sha256(DATA).hexdigest()
    assert hashing.changed(tmp_path, files) is None


@pytest.mark.parametrize("at", [0, 999, 1000, 2559])
def test_a_flipped_bit_is_found_wherever_it_is(at: int, tmp_path: Path) -> None:
    files = locked(tmp_path, large=DATA, small=b"x")
    data = bytearray(DATA)
    data[at] ^= 1
    (tmp_path / "large").write_bytes(data)
    assert hashing.changed(tmp_path, files) == "large"


def test_a_lock_without_chunks_is_compared_as_a_whole(tmp_path: Path) -> None:
    files = locked(tmp_path, large=DATA)
    plain = {"large": files["large"].model_copy(update={"chunks": ()})}
    assert hashing.changed(tmp_path, plain) is None
    (tmp_path / "large").write_bytes(DATA[:-1] + b"!")
    assert hashing.changed(tmp_path, plain) == "large"
