"""The likeness gate's scores of clones, before and after they are marked."""

from pathlib import Path

import numpy as np
from PIL import Image

from bench.watermark.pictures import clones, embedded, references
from models.likeness import EmbedderName, Judgement
from models.shot import DEFAULT_SHOTS, shot_named
from pipelines.identity.calibrations import shipped
from pipelines.identity.embedders import load_embedder
from pipelines.identity.gate import LikenessGate
from pipelines.identity.references import ReferenceSet
from pipelines.watermark.spread import SpreadSpectrum
from worker.stack.samples import SAMPLES


def scores(side: int) -> None:
    """A line for each clone of a sample persona that `embedded` renders."""
    embedder = load_embedder(EmbedderName.DLIB, Path(), Path())
    gate = LikenessGate(embedder, shipped(embedder.embedder, "rendered"), "rendered")
    mark, draw, pipeline = SpreadSpectrum(), np.random.default_rng(2), embedded(side)
    moves, passed, flips = list[float](), [0, 0], list[str]()
    for name in SAMPLES:
        shown = gate.check_references(references(name))
        for shot, image in zip(DEFAULT_SHOTS, clones(pipeline, name), strict=True):
            marked = Image.fromarray(mark.embed(np.asarray(image), int(draw.integers(1 << mark.bits))))
            before, after = (_judged(gate, one, shown, shot) for one in (image, marked))
            outcomes = [one.verdict.outcome for one in (before, after)]
            passed = [count + (outcome == "pass") for count, outcome in zip(passed, outcomes, strict=True)]
            one, other = before.scores.centroid, after.scores.centroid
            if one is not None and other is not None:
                moves.append(other - one)
            if outcomes[0] != outcomes[1]:
                flips.append(f"{name} {shot} ({outcomes[0]}, then {outcomes[1]})")
            print(f"{name} {shot}: {one}, {other}; {outcomes[0]}, {outcomes[1]}", flush=True)
    sizes = np.abs(moves)
    print(
        f"{len(moves)} clones at {side} px: moved by {np.mean(moves):+.4f} in the mean, by {sizes.mean():.4f} "
        f"whatever the direction, by {sizes.max():.4f} at most; {passed[0]} pass before and {passed[1]} after; "
        f"other verdicts: {', '.join(flips) or 'none'}"
    )


def _judged(gate: LikenessGate, image: Image.Image, shown: ReferenceSet, shot: str) -> Judgement:
    return gate.judge(gate.portrait(image), shown, yaw=shot_named(shot).yaw)
