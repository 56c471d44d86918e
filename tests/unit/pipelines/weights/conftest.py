"""A store with one good repository in it, copied for each test, and a device that notes what reaches it."""

import shutil
from pathlib import Path

import pytest
import torch

from pipelines.weights import WeightStore
from tests.support.weights.tiny import SOURCE, DeviceDouble, build, lock_files


@pytest.fixture(scope="session")
def good_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    build(folder)
    return folder


@pytest.fixture
def store(good_weights: Path, tmp_path: Path) -> WeightStore:
    store = WeightStore(tmp_path / "weights")
    shutil.copytree(good_weights, store.folder(SOURCE))
    lock_files(store)
    return store


@pytest.fixture
def folder(store: WeightStore) -> Path:
    return store.folder(SOURCE)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> DeviceDouble:
    double = DeviceDouble()
    monkeypatch.setattr(torch.nn.Module, "to", double.connect())
    return double
