"""`python -m training.sheet --assets FOLDER`: clones of held-out people beside their references, as a JPEG."""

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import torch
from PIL import Image

from models.shot import REFERENCE_SHEET
from pipelines.embedded.fresh import fresh_view
from pipelines.embedded.pipeline import LikenessPipeline
from training.data.testsets import TestPerson, held_out
from training.shipped import shipped_pipeline

SHOTS = ("front", "three-quarter-left", "three-quarter-right", "smile", "warm-light", "outdoor")
TILE = 192  # pixels a side
GAP = 8


def clone_sheet(pipeline: LikenessPipeline, people: Sequence[TestPerson]) -> Image.Image:
    """A row for each person: the references | clones in six shots."""
    count = len(people[0].references)
    sheet = Image.new("RGB", ((count + len(SHOTS)) * TILE + GAP, len(people) * TILE), "white")
    for row, person in enumerate(people):
        seeds = [row * len(SHOTS) + column for column in range(len(SHOTS))]
        references = [Image.fromarray(one) for one in person.references]
        shown = pipeline.read(references)
        clones = pipeline(
            shown,
            [
                fresh_view(seed, REFERENCE_SHEET[shot], shown.carrier.references)
                for seed, shot in zip(seeds, SHOTS, strict=True)
            ],
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        ).images
        for column, image in enumerate([*references, *clones]):
            left = column * TILE + (GAP if column >= count else 0)
            sheet.paste(image.resize((TILE, TILE), Image.Resampling.LANCZOS), (left, row * TILE))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with MakeHuman's CC0 assets")
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path("docs/held-out-clones.jpg"))
    args = parser.parse_args()
    people = list(islice(held_out(args.assets, args.people), args.people))
    clone_sheet(shipped_pipeline(), people).save(args.out, quality=88)


if __name__ == "__main__":
    main()
