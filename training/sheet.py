"""A picture of clones beside what they were made from."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from models.shot import REFERENCE_SHEET
from pipelines.embedded.people.arrays import Floats
from pipelines.embedded.people.view import sample_view
from pipelines.embedded.pipeline import LikenessPipeline

SHOTS = ("front", "three-quarter-left", "three-quarter-right", "smile", "warm-light", "outdoor")
TILE = 128  # pixels a side
GAP = 8


def clone_sheet(
    pipeline: LikenessPipeline, references: Sequence[np.ndarray], codes: Floats, steps: int = 8
) -> Image.Image:
    """A row for each person: the references (R, S, S, 3) | clones of the code (P, CODE) in six shots."""
    count = len(references[0])
    sheet = Image.new("RGB", ((count + len(SHOTS)) * TILE + GAP, len(codes) * TILE), "white")
    for row, (pictures, code) in enumerate(zip(references, codes, strict=True)):
        seeds = [row * len(SHOTS) + column for column in range(len(SHOTS))]
        clones = pipeline(
            code,
            [
                sample_view(np.random.default_rng(seed), REFERENCE_SHEET[shot])
                for seed, shot in zip(seeds, SHOTS, strict=True)
            ],
            num_inference_steps=steps,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        ).images
        for column, image in enumerate([*map(Image.fromarray, pictures), *clones]):
            left = column * TILE + (GAP if column >= count else 0)
            sheet.paste(image.resize((TILE, TILE), Image.Resampling.LANCZOS), (left, row * TILE))
    return sheet
