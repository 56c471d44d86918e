from pathlib import Path

import numpy as np
import pytest

from pipelines.embedded.people.view import View
from training.data.dataset import Dataset
from training.data.generate import Maker, make_coder
from training.data.shards import from_jpeg, shard_paths, to_jpeg
from training.data.splits import BASIS_FIRST_SEED, LIMIT, Split, splits
from training.people.assets import Assets


@pytest.fixture(scope="module")
def folder(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty people in two shards."""
    folder = tmp_path_factory.mktemp("train")
    maker = Maker(assets, make_coder(assets, 20), 32)
    for start, path in shard_paths(folder, 30):
        assert maker.shard((Split("train", 100, 30, 2), start, path)) > 0
    return folder


def test_pictures_come_back(folder: Path) -> None:
    data = Dataset(folder, 30)
    assert len(data) == 60
    assert data.pictures(np.array([0, 49, 50, 59])).shape == (4, 32, 32, 3)
    assert data.identity(59) == 29
    assert isinstance(data.view(7), View)


def test_codes_alone_need_no_pictures(folder: Path) -> None:
    bare, whole = Dataset(folder, 30, pictures=False), Dataset(folder, 30)
    assert np.array_equal(bare.shapes, whole.shapes)


def test_what_exists_is_kept(assets: Assets, folder: Path) -> None:
    maker = Maker(assets, make_coder(assets, 20), 32)
    before = [path.stat().st_mtime_ns for path in sorted(folder.iterdir())]
    for start, path in shard_paths(folder, 30):
        assert maker.shard((Split("train", 100, 30, 2), start, path)) == 0
    assert [path.stat().st_mtime_ns for path in sorted(folder.iterdir())] == before


def test_another_renderers_data_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.dataset.view_vector", lambda view: np.zeros(48, np.float32))
    with pytest.raises(ValueError, match="another version"):
        Dataset(folder, 30)


def test_a_jpeg_loses_little() -> None:
    line = np.linspace(0, 255, 64)
    picture = np.stack(np.broadcast_arrays(line[:, None], line[None], 128.0), -1).astype(np.uint8)
    assert np.abs(from_jpeg(to_jpeg(picture)).astype(int) - picture).mean() < 1.5


def test_splits_share_nobody() -> None:
    train, held_out = splits(LIMIT, LIMIT)
    assert {seed // LIMIT for seed in (train.seed(0), train.seed(LIMIT - 1))} == {1}
    assert {seed // LIMIT for seed in (held_out.seed(0), held_out.seed(LIMIT - 1))} == {9}
    assert BASIS_FIRST_SEED // LIMIT not in {1, 9}
