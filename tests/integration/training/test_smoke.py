"""All steps on people of the stand-in assets: the losses fall."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.embedded.pipeline import LikenessPipeline
from pipelines.sources import EMBEDDED
from pipelines.weights import WeightStore, verify
from training import correction, finisher, references
from training.data import generate, pairs
from training.loop import Schedule
from training.package import assemble, package, reading_pipeline
from training.people.assets import Assets
from training.recipe import Recipe
from training.steps import Workspace

TINY = Recipe(
    identities=50,
    corrected_identities=50,
    paired_identities=5,
    paired_held_out=2,
    held_out=25,
    basis=40,
    size=64,
    pair_size=64,
    finder=Schedule(steps=20, batch=16, warmup=5, measure_every=10, log_every=5),
    reader=Schedule(steps=40, batch=16, warmup=5, measure_every=20, log_every=10),
    finisher=Schedule(steps=80, batch=8, rate=1e-3, warmup=5, measure_every=20, log_every=20),
    reader_widths=(8, 16, 16, 16),
    reader_risen=(16, 16),
    finisher_widths=(16, 16, 24),
)


def logged(folder: Path, kind: str, name: str) -> list[float]:
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [entry[name] for entry in entries if entry["kind"] == kind]


def test_every_step_works_and_every_network_learns(
    assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "load_assets", lambda folder: assets)
    space = Workspace(TINY, tmp_path)
    generate.generate(
        tmp_path, space.data, identities=50, held_out=25, size=TINY.size, processes=1, basis=TINY.basis
    )
    torch.manual_seed(0)
    references.train_finder(space)
    references.train_reader(space)
    correction.read(space)
    maker = pairs.Maker(assets, reading_pipeline(space), TINY.pair_size)
    assert [maker.shard(task) for task in pairs.tasks(space)]
    assert not pairs.tasks(space), "what exists is kept"
    finisher.train(space)

    for network in ("finder", "reader", "finisher"):
        losses = logged(tmp_path / network, "train", "loss")
        assert losses[-1] < losses[0], network
    halfway = logged(tmp_path / "finisher", "held_out", "carried at 0.5")
    assert halfway[-1] < halfway[0], "half way over the bridge, of people it never saw"

    data, store = space.held_out(), WeightStore(tmp_path / "weights")
    package(assemble(space), store)
    verify(store, EMBEDDED)
    pipeline = LikenessPipeline.from_pretrained(store.folder(EMBEDDED))
    person = pipeline.read([Image.fromarray(data.picture(number)) for number in (0, 1)])
    views = [data.view(0), data.view(1)]

    def pictures(seed: int) -> np.ndarray:
        generators = [torch.Generator().manual_seed(seed + number) for number in (0, 1)]
        made = pipeline(person, views, size=64, num_inference_steps=3, generator=generators)
        return np.stack([np.asarray(picture) for picture in made.images])

    one, again, other = (pictures(seed) for seed in (0, 0, 9))
    assert one.shape == (2, 64, 64, 3)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
