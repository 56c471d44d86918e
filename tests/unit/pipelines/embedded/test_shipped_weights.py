"""The weights that are a part of the package: verified like any other's, small, and numbers only."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
import safetensors.torch
import torch

from models.errors import WeightsMissing, WeightsRefused
from models.render import RenderOptions
from pipelines import loading
from pipelines.sources import EMBEDDED
from pipelines.weights import WeightStore, check_known, verify

MOST_BYTES = 40_000_000
NETWORKS = ("finisher", "finder", "reader")


@pytest.fixture
def copy(shipped: WeightStore, tmp_path: Path) -> WeightStore:
    store = WeightStore(tmp_path)
    shutil.copytree(shipped.folder(EMBEDDED), store.folder(EMBEDDED))
    shutil.copy(shipped.lock_path(EMBEDDED), store.lock_path(EMBEDDED))
    return store


def load_from(store: WeightStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a worker does, but for where the package is."""
    monkeypatch.setattr(loading, "store_of", lambda source, root: store)
    loading.load_pipeline(RenderOptions(profile="embedded", device="cpu", steps=1, image_size=256))


def files_of(store: WeightStore) -> list[Path]:
    return [path for path in store.folder(EMBEDDED).rglob("*") if path.is_file()]


def test_they_are_as_locked(shipped: WeightStore) -> None:
    verified = verify(shipped, EMBEDDED, profile="embedded")
    check_known(EMBEDDED, verified.lock)
    assert shipped.is_fetched(EMBEDDED)
    assert verified.lock.bytes == sum(path.stat().st_size for path in files_of(shipped))


def test_they_stay_small_enough_to_be_shipped(shipped: WeightStore) -> None:
    assert sum(path.stat().st_size for path in files_of(shipped)) <= MOST_BYTES


def test_they_are_safetensors_and_json_and_nothing_else(shipped: WeightStore) -> None:
    assert {path.suffix for path in files_of(shipped)} == {".safetensors", ".json"}


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_stored_in_half_precision(shipped: WeightStore, name: str) -> None:
    (path,) = (shipped.folder(EMBEDDED) / name).glob("*.safetensors")
    tensors = safetensors.torch.load_file(path)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_a_copy_of_them_loads_from_anywhere(copy: WeightStore, monkeypatch: pytest.MonkeyPatch) -> None:
    load_from(copy, monkeypatch)


@pytest.mark.parametrize("name", [*NETWORKS, "person"])
def test_a_changed_byte_is_refused(copy: WeightStore, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (path,) = (copy.folder(EMBEDDED) / name).glob("*.safetensors")
    with path.open("r+b") as file:
        file.seek(-1, 2)
        (last,) = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    with pytest.raises(WeightsRefused, match=f"{name}/.*other content") as caught:
        load_from(copy, monkeypatch)
    assert caught.value.code == "WEIGHTS_REFUSED"
    assert caught.value.details["file"].startswith(name)


def test_a_file_that_is_missing_is_told(copy: WeightStore, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy.folder(EMBEDDED) / "finder" / "config.json").unlink()
    with pytest.raises(WeightsMissing) as caught:
        load_from(copy, monkeypatch)
    assert caught.value.code == "WEIGHTS_MISSING"


def test_a_file_that_is_not_theirs_is_refused(copy: WeightStore, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy.folder(EMBEDDED) / "evil.py").touch()
    with pytest.raises(WeightsRefused, match=r"evil\.py"):
        load_from(copy, monkeypatch)


def test_another_class_in_their_index_is_refused_even_where_the_lock_agrees(
    copy: WeightStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy.folder(EMBEDDED) / "model_index.json"
    index = json.loads(path.read_text()) | {"finisher": ["diffusers", "UNet2DModel"]}
    path.write_text(json.dumps(index))
    lock = copy.lock(EMBEDDED)
    assert lock
    content = path.read_bytes()
    entry = lock.files["model_index.json"].model_copy(
        update={"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    )
    lock.model_copy(update={"files": lock.files | {"model_index.json": entry}}).write(
        copy.lock_path(EMBEDDED)
    )
    with pytest.raises(WeightsRefused, match="not on the profile's list"):
        load_from(copy, monkeypatch)
