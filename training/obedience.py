"""Does a clone do what its shot asks, and is it a picture of its own? `training.evaluate` judges likeness."""

from collections.abc import Sequence

import numpy as np
import torch

from models.shot import Shot
from pipelines.embedded.fit import Found, fit_shape
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.view import sample_view
from pipelines.embedded.pipeline import LikenessPipeline
from pipelines.embedded.reading import read_pictures
from training.autoencoder import as_tensor

YAWS = (-40.0, -20.0, 0.0, 20.0, 40.0)


def yaws_of(pipeline: LikenessPipeline, pictures: np.ndarray) -> Floats:
    """Degrees (N,), by the points that the reference encoder finds."""
    points, prior = pipeline.drawer.points, pipeline.drawer.coder.prior()
    yaws: list[float] = []
    for part in np.array_split(pictures, max(1, len(pictures) // 16)):
        with torch.inference_mode():
            reading = read_pictures(pipeline.finder, pipeline.reader, as_tensor(part))
        for places, spreads in zip(reading.places, reading.spreads, strict=True):
            _, cameras = fit_shape(points, prior, [Found(places, spreads)])
            yaws.append(cameras[0, 0])
    return np.array(yaws)


def obedience(
    pipeline: LikenessPipeline,
    codes: Floats,
    references: Sequence[np.ndarray],
    *,
    steps: int,
    guidance: float,
) -> dict[str, float]:
    """Of people with these codes (P, CODE), whose references are pictures (R, S, S, 3) each."""
    asked: list[float] = []
    made, again, nearest = [], [], []
    shots = [Shot(name="any", yaw=yaw) for yaw in YAWS]
    for person, code in enumerate(codes):
        pair = []
        for seed in (2 * person, 2 * person + 1):
            views = [sample_view(np.random.default_rng([seed, n]), shot) for n, shot in enumerate(shots)]
            generators = [torch.Generator().manual_seed(seed * 100 + n) for n in range(len(shots))]
            images = pipeline(
                code, views, num_inference_steps=steps, guidance_scale=guidance, generator=generators
            ).images
            pair.append(np.stack([np.asarray(image) for image in images]))
        asked += YAWS
        made.append(pair[0])
        again.append(np.abs(pair[0].astype(np.float32) - pair[1]).mean((1, 2, 3)))
        apart = np.abs(pair[0][:, None].astype(np.float32) - references[person][None]).mean((2, 3, 4))
        nearest.append(apart.min(1))
    found = yaws_of(pipeline, np.concatenate(made))
    return {
        "yaw, r": float(np.corrcoef(asked, found)[0, 1]),
        "yaw off, degrees": float(np.abs(np.array(asked) - found).mean()),
        "another seed, grey levels": float(np.concatenate(again).mean()),
        "another seed, least": float(np.concatenate(again).min()),
        "nearest reference, grey levels": float(np.concatenate(nearest).mean()),
        "nearest reference, least": float(np.concatenate(nearest).min()),
    }
