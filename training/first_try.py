"""`python -m training.first_try --assets FOLDER --personas FOLDER`: how many clones pass the gate at once.

The default shots of people whom training never saw, one seed each, judged as a job judges them, against three
references. What misses here is rendered again in a job.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from tqdm import tqdm  # type: ignore[import-untyped]

from models.gate_options import GateOptions
from models.shot import DEFAULT_SHOTS, REFERENCE_SHEET
from pipelines.embedded.fresh import fresh_view
from pipelines.identity.loading import load_gate
from training.data.testsets import TestPerson, held_out, personas
from training.evaluate import Maker


@dataclass(frozen=True)
class Tried:
    """Of one person: the reasons of each default shot's verdict, none if it passed."""

    reasons: tuple[tuple[str, ...], ...]
    similarities: tuple[float, ...]
    """To the references' mean, where a face was found."""


class Tester:
    def __init__(self, weights: Path | None) -> None:
        self.maker = Maker(weights, ())
        self.gate = load_gate(GateOptions(domain="rendered"))

    def tried(self, person: TestPerson) -> Tried:
        seeds = [int(person.name) * 1000 + number for number in range(len(DEFAULT_SHOTS))]
        shots = [REFERENCE_SHEET[name] for name in DEFAULT_SHOTS]
        shown = self.maker.read(person.references)
        views = [
            fresh_view(seed, shot, shown.carrier.references) for seed, shot in zip(seeds, shots, strict=True)
        ]
        pictures = self.maker.of(shown, views, seeds)
        references = self.gate.check_references([Image.fromarray(one) for one in person.references])
        judged = [
            self.gate.judge(self.gate.portrait(Image.fromarray(picture)), references, yaw=shot.yaw)
            for picture, shot in zip(pictures, shots, strict=True)
        ]
        return Tried(
            tuple(tuple(map(str, one.verdict.reasons)) for one in judged),
            tuple(one.scores.centroid for one in judged if one.scores.centroid is not None),
        )


_tester: list[Tester] = []


def _begin(weights: Path | None) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _tester.append(Tester(weights))


def _tried(person: TestPerson) -> Tried:
    return _tester[0].tried(person)


def first_tries(people: Sequence[TestPerson], weights: Path | None, processes: int) -> dict[str, object]:
    with get_context("spawn").Pool(processes, _begin, (weights,)) as pool:
        tried = list(tqdm(pool.imap(_tried, people), total=len(people), unit="person", mininterval=10))
    verdicts = [reasons for one in tried for reasons in one.reasons]
    return {
        "people": len(people),
        "images": len(verdicts),
        "pass": round(float(np.mean([not reasons for reasons in verdicts])), 4),
        "reasons": dict(Counter(reason for reasons in verdicts for reason in reasons)),
        "by shot": {
            shot: round(float(np.mean([not one.reasons[number] for one in tried])), 3)
            for number, shot in enumerate(DEFAULT_SHOTS)
        },
        "similarity": round(float(np.mean([s for one in tried for s in one.similarities])), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with MakeHuman's CC0 assets")
    parser.add_argument("--personas", type=Path, help="folder with sample personas of another renderer")
    parser.add_argument("--people", type=int, default=60, help="held-out people")
    parser.add_argument("--weights", type=Path, help="a folder that `training.package` wrote")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    sets = {"held out": list(held_out(args.assets, args.people, processes=args.processes))}
    if args.personas:
        sets["personas"] = list(personas(args.personas))
    for name, people in sets.items():
        print(name, json.dumps(first_tries(people, args.weights, args.processes), indent=1), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
