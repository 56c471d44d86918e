"""`python -m training.evaluate --assets FOLDER --personas FOLDER`: how alike clones are to their people.

Two sets of people that training never saw (`training.data.testsets`); likeness is measured as B
(`training.likeness`). Rows: real views, clones as a job makes them from three references and from one, the same
with nothing carried, without the diffusion model, and with another person's references. Then pose, expression,
light, sharpness and distance to the references (`training.obedience`). Pictures are made by the package's weights,
or those of `--weights`.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from tqdm import tqdm  # type: ignore[import-untyped]

from pipelines.embedded.carry.carrier import Carried
from pipelines.embedded.people.view import View
from pipelines.embedded.person import Person
from pipelines.embedded.pipeline import LikenessPipeline
from training.data.testsets import SIZE, TestPerson, held_out, personas
from training.likeness import Judge
from training.obedience import Asked, obedience
from training.people.raster import rasterise
from training.shipped import shipped_pipeline

ROWS = ("3 references", "1 reference", "nothing carried", "no diffusion", "another's references")
STEPS = 2

Pictures = dict[str, np.ndarray]
"""Of one person, by row: (T, S, S, 3) uint8."""


class Maker:
    """Makes a person's clones."""

    def __init__(self, weights: Path | None, rows: Sequence[str]) -> None:
        self.pipeline = with_quick_raster(shipped_pipeline(weights))
        self.rows = rows

    def clones(self, pair: tuple[TestPerson, TestPerson]) -> Pictures:
        """Of the first person; the second lends references."""
        person, other = pair
        made: Pictures = {}
        shown = self.read(person.references)
        begun = self.pipeline.carried(shown, person.views, SIZE)
        made["3 references"] = self.finished(begun, person.seeds)
        made["no diffusion"] = np.stack([_bytes(one.picture) for one in begun])
        if "1 reference" in self.rows:
            made["1 reference"] = self.of(self.read(person.references[:1]), person.views, person.seeds)
        if "nothing carried" in self.rows:
            made["nothing carried"] = self.of(nothing_carried(shown), person.views, person.seeds)
        if "another's references" in self.rows:
            made["another's references"] = self.of(self.read(other.references), person.views, person.seeds)
        return made

    def read(self, references: np.ndarray) -> Person:
        person: Person = self.pipeline.read([Image.fromarray(one) for one in references])
        return person

    def of(self, person: Person, views: Sequence[View], seeds: Sequence[int]) -> np.ndarray:
        return self.finished(self.pipeline.carried(person, views, SIZE), seeds)

    def finished(self, begun: Sequence[Carried], seeds: Sequence[int]) -> np.ndarray:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        pictures = self.pipeline.decode(self.pipeline.finish(begun, STEPS, generators))
        return pictures.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()


def nothing_carried(person: Person) -> Person:
    return Person(replace(person.carrier, references=()))


def with_quick_raster(pipeline: LikenessPipeline) -> LikenessPipeline:
    """With the compiled rasteriser, which gives the same."""
    pipeline.drawer = replace(pipeline.drawer, rasteriser=rasterise)
    return pipeline


_maker: list[Maker] = []


def _begin(weights: Path | None, rows: Sequence[str]) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _maker.append(Maker(weights, rows))


def _clones(pair: tuple[TestPerson, TestPerson]) -> Pictures:
    return _maker[0].clones(pair)


def clones_of(
    people: Sequence[TestPerson], weights: Path | None, rows: Sequence[str], processes: int
) -> Iterator[Pictures]:
    """Of each person, in their order."""
    pairs = [(person, people[(k + 1) % len(people)]) for k, person in enumerate(people)]
    with get_context("spawn").Pool(processes, _begin, (weights, rows)) as pool:
        yield from tqdm(pool.imap(_clones, pairs), total=len(pairs), unit="person", mininterval=10)


def evaluate(
    people: Sequence[TestPerson], weights: Path | None, rows: Sequence[str], processes: int
) -> dict[str, object]:
    """The figures of one set."""
    people = [person for person in people if person.views]
    made = list(clones_of(people, weights, rows, processes))
    judge = Judge.of(people)
    whose = np.repeat(np.arange(len(people)), [len(person.views) for person in people])
    own = np.concatenate([person.own for person in people])
    report: dict[str, object] = {
        "people": len(people),
        "threshold": round(judge.limit, 4),
        "real views": judge.real().row(),
        "real views, turned ones too": judge.gallery().row(),
    }
    for row in rows:
        pictures = np.concatenate([one[row] for one in made])
        report[row] = judge.clones(pictures, whose, own).row()
    asked = [
        Asked(view, person.references, person.gallery[at] if at >= 0 else None)
        for person in people
        for view, at in zip(person.views, person.own, strict=True)
    ]
    pipeline = shipped_pipeline(weights)
    for row in ("3 references", "no diffusion"):
        report[f"{row}, obedience"] = obedience(pipeline, np.concatenate([one[row] for one in made]), asked)
    real = [one.real for one in asked]
    if all(one is not None for one in real):
        report["real, obedience"] = obedience(
            pipeline, np.stack([one for one in real if one is not None]), asked
        )
    return report


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(values * 255 + 0.5, 0, 255), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with MakeHuman's CC0 assets")
    parser.add_argument("--personas", type=Path, help="folder with sample personas of another renderer")
    parser.add_argument("--people", type=int, default=60, help="held-out people")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--weights", type=Path, help="a folder that `training.package` wrote")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("training/runs/evaluation.json"))
    args = parser.parse_args()
    report: dict[str, object] = {}
    sets = {"held out": list(held_out(args.assets, args.people, processes=args.processes))}
    if args.personas:
        sets["personas"] = list(personas(args.personas))
    for name, people in sets.items():
        report[name] = evaluate(people, args.weights, args.rows, args.processes)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1) + "\n")
        print(name, json.dumps(report[name], indent=1), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
