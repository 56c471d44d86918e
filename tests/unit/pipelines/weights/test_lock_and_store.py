"""Locks: what they say, and the same for the same bytes. The store: what is where, shared by profiles."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.errors import WeightsMissing
from pipelines.weights import Lock, WeightStore, verify
from tests.support.weights.tiny import SOURCE, UNET, lock_files

PART = replace(SOURCE, files=("unet/*",))
"""Another profile's share of the same repository."""


@pytest.mark.parametrize("package", ["torch", "diffusers", "transformers", "huggingface_hub"])
def test_importing_the_package_costs_no_torch_and_no_client(package: str) -> None:
    code = f"import sys, pipelines.weights; sys.exit({package!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_offline_reaches_the_libraries() -> None:
    code = (
        "from pipelines.weights import offline; offline()\n"
        "from diffusers.utils.constants import DIFFUSERS_DISABLE_REMOTE_CODE as no_code\n"
        "from huggingface_hub.constants import HF_HUB_DISABLE_TELEMETRY, is_offline_mode\n"
        "assert no_code and is_offline_mode() and HF_HUB_DISABLE_TELEMETRY"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_lock_is_read_as_it_was_written(store: WeightStore) -> None:
    lock = lock_files(store)
    assert store.lock(SOURCE) == lock
    assert [file.name for file in store.root.iterdir() if file.is_file()] == ["tests--tiny.lock.json"]


def test_the_digest_is_of_the_bytes_and_not_of_the_time(store: WeightStore) -> None:
    lock = lock_files(store)
    assert lock.model_copy(update={"fetched_at": datetime.now(UTC), "patterns": ()}).digest == lock.digest
    assert (
        Lock.parse(lock.to_data() | {"files": dict(reversed(lock.to_data()["files"].items()))}).digest
        == lock.digest
    )
    changed = lock.model_copy(update={"files": {**lock.files, UNET: lock.files["model_index.json"]}})
    assert len({lock.digest, changed.digest, lock.model_copy(update={"revision": "a" * 40}).digest}) == 3


def test_a_source_that_was_fetched(store: WeightStore, folder: Path) -> None:
    assert store.is_fetched(SOURCE)
    assert not store.is_fetched(replace(SOURCE, repository="tests/other"))
    assert not store.is_fetched(replace(SOURCE, revision="a" * 40))
    assert not store.is_fetched(replace(SOURCE, files=(*SOURCE.files, "*.jinja")))
    (folder / UNET).unlink()
    assert not store.is_fetched(SOURCE)
    store.lock_path(SOURCE).write_text("{")
    assert not store.is_fetched(SOURCE)


def test_a_verified_source_has_the_lock_of_its_own_files(store: WeightStore, folder: Path) -> None:
    whole = verify(store, SOURCE)
    assert (whole.path, whole.lock.digest) == (folder, lock_files(store).digest)
    with pytest.raises(WeightsMissing, match="never fetched"):
        verify(store, PART)
    lock = lock_files(store)
    lock.model_copy(update={"patterns": (*SOURCE.files, *PART.files)}).write(store.lock_path(SOURCE))
    assert set(verify(store, PART).lock.files) == {UNET, "unet/config.json"}
    assert verify(store, SOURCE).lock.digest == whole.lock.digest  # whatever other profiles fetch
