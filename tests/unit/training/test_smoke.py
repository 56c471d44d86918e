"""All steps on people of the stand-in assets: the losses fall, and whose code it is matters."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.embedded.pipeline import LikenessPipeline
from pipelines.sources import EMBEDDED
from pipelines.weights import WeightStore, verify
from training import autoencoder, correction, denoiser, latents, references
from training.data import generate
from training.loop import Schedule
from training.obedience import obedience
from training.package import assemble, package
from training.people.assets import Assets
from training.recipe import Recipe
from training.steps import Workspace

TINY = Recipe(
    identities=50,
    codec_identities=25,
    corrected_identities=50,
    held_out=25,
    basis=40,
    size=64,
    channels=12,
    codec=Schedule(steps=30, batch=8, warmup=5, measure_every=15, log_every=5),
    finder=Schedule(steps=20, batch=16, warmup=5, measure_every=10, log_every=5),
    reader=Schedule(steps=40, batch=16, warmup=5, measure_every=20, log_every=10),
    denoiser=Schedule(steps=80, batch=16, rate=3e-3, warmup=10, measure_every=40, log_every=10),
    codec_widths=(32, 16, 16),
    reader_widths=(8, 16, 16, 16),
    reader_risen=(16, 16),
    denoiser_widths=(32, 48),
    drawing_widths=(16, 32),
    hidden=64,
)


def logged(folder: Path, kind: str, name: str) -> list[float]:
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [entry[name] for entry in entries if entry["kind"] == kind]


def test_every_step_works_and_references_matter(
    assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "load_assets", lambda folder: assets)
    space = Workspace(TINY, tmp_path)
    generate.generate(
        tmp_path, space.data, identities=50, held_out=25, size=TINY.size, processes=1, basis=TINY.basis
    )
    torch.manual_seed(0)
    autoencoder.train(space)
    latents.encode(space)
    references.train_finder(space)
    references.train_reader(space)
    correction.read(space)
    denoiser.train(space)

    quality = logged(tmp_path / "codec", "held_out", "psnr")
    assert quality[-1] > 20
    for network in ("finder", "reader", "denoiser"):
        losses = logged(tmp_path / network, "train", "loss")
        assert losses[-1] < losses[0], network
    right = logged(tmp_path / "denoiser", "held_out", "error at 1")
    wrong = logged(tmp_path / "denoiser", "held_out", "wrong person at 1")
    assert right[-1] < 0.9 * right[0]
    assert right[-1] < 0.97 * wrong[-1]

    data, store = space.held_out(), WeightStore(tmp_path / "weights")
    package(assemble(space), store)
    verify(store, EMBEDDED)
    pipeline = LikenessPipeline.from_pretrained(store.folder(EMBEDDED))
    code = pipeline.read([Image.fromarray(data.picture(number)) for number in (0, 1)])
    views = [data.view(0), data.view(1)]

    def pictures(seed: int) -> np.ndarray:
        generators = [torch.Generator().manual_seed(seed + number) for number in (0, 1)]
        made = pipeline(code, views, num_inference_steps=3, guidance_scale=2.0, generator=generators)
        return np.stack([np.asarray(picture) for picture in made.images])

    one, again, other = (pictures(seed) for seed in (0, 0, 9))
    assert one.shape == (2, 64, 64, 3)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    judged = obedience(pipeline, code[None], [data.pictures(np.array([0, 1]))], steps=1, guidance=1.0)
    assert np.isfinite(list(judged.values())).all()
