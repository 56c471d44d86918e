"""`python -m training.evaluate`: held-out people, judged by dlib, beside their real renders.

Sets: real renders (the ceiling), the codec alone, clones from the true code, clones as a job makes them
(code read from 1 and 3 references), and clones of shuffled references (the floor). The threshold comes from
real renders of other held-out people: 1 % of strangers pass.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from pipelines.embedded.pipeline import LikenessPipeline
from training.data.dataset import Dataset
from training.faces import auc, describe_all
from training.obedience import obedience, yaws_of
from training.package import assemble
from training.recipe import RECIPES
from training.references import codes_of, r_squared, read_all
from training.sheet import clone_sheet
from training.steps import Workspace

CLONES = 4  # of each person
OBEYING = 40  # people whose clones are also asked for poses
WIDEST = 30.0  # degrees of yaw that a clone has in this test


def chosen_views(data: Dataset, person: int) -> tuple[list[int], list[int]]:
    """Three references, the most frontal ones, and the next views as what the clones must show."""
    numbers = [person * data.views + view for view in range(data.views)]
    by_yaw = sorted(numbers, key=lambda number: abs(data.view(number).yaw))
    return by_yaw[:3], [number for number in by_yaw[3:] if abs(data.view(number).yaw) <= WIDEST][:CLONES]


def threshold(data: Dataset, people: range) -> float:
    """The distance below which 1 % of pairs of different people fall, on real renders."""
    numbers = [number for person in people for number in chosen_views(data, person)[0]]
    _, faces = describe_all(data.pictures(np.array(numbers)))
    whose = np.array(numbers) // data.views
    distances = np.linalg.norm(faces[:, None] - faces[None], axis=-1)
    strangers = distances[whose[:, None] != whose[None]]
    return float(np.nanquantile(strangers, 0.01))


def judge(references: np.ndarray, clones: np.ndarray, whose: np.ndarray, limit: float) -> dict[str, float]:
    """References' descriptors (P, 128); clones (N, S, S, 3) of the people `whose` (N,)."""
    found, faces = describe_all(clones)
    distances = np.linalg.norm(references[:, None] - faces[None], axis=-1)
    own = np.arange(len(references))[:, None] == whose[None]
    seen = ~np.isnan(distances)
    same, other = distances[own & seen], distances[~own & seen]
    with_face = ~np.isnan(faces[:, 0])
    nearest = np.nanargmin(np.where(seen, distances, 9.0), 0)
    return {
        "found": float(found.mean()),
        "found by either": float(with_face.mean()),
        "distance to own": float(same.mean()),
        "to others": float(other.mean()),
        "auc": auc(same, other),
        "verified": float((same < limit).mean()),
        "strangers pass": float((other < limit).mean()),
        "top 1": float((nearest == whose)[with_face].mean()),
    }


def evaluate(
    space: Workspace, people: int, checkpoint: bool, steps: int, guidance: float
) -> dict[str, object]:
    data = space.held_out()
    pipeline = assemble(space, checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    drawer = pipeline.drawer
    limit = threshold(data, range(people, len(data.seeds)))
    plan = [chosen_views(data, person) for person in range(people)]
    targets = np.array([number for _, numbers in plan for number in numbers])
    whose = targets // data.views
    first = np.array([numbers[0] for numbers, _ in plan])
    _, own = describe_all(data.pictures(first))

    true = codes_of(drawer.coder, data).numpy()[:people]
    readings = read_all(pipeline.reader, data, pipeline.finder, people)

    def read(count: int) -> np.ndarray:
        """Codes from the first so many references."""
        codes = []
        for person, (references, _) in enumerate(plan):
            views = [number % data.views for number in references[:count]]
            codes.append(pipeline.person_of(readings[person].only(views)))
        return np.stack(codes)

    def clones(of: np.ndarray) -> np.ndarray:
        made = []
        for person, (_, numbers) in enumerate(plan):
            generators = [torch.Generator().manual_seed(number) for number in numbers]
            views = [data.view(number) for number in numbers]
            if not views:
                continue
            made += pipeline(
                of[person],
                views,
                num_inference_steps=steps,
                guidance_scale=guidance,
                generator=generators,
            ).images
        return np.stack([np.asarray(picture) for picture in made])

    ones, threes = read(1), read(3)
    real = data.pictures(targets)
    latents = np.load(space.root / "latents/held_out.npy", mmap_mode="r")[targets].astype(np.float32)
    through_codec = _decoded(pipeline, latents)
    sets = {
        "real": real,
        "codec": through_codec,
        "true code": clones(true),
        "1 reference": clones(ones),
        "3 references": clones(threes),
        "shuffled": clones(np.roll(threes, 1, 0)),
    }
    report: dict[str, object] = {"threshold": limit, "people": people, "steps": steps, "guidance": guidance}
    for count, codes in (("1", ones), ("3", threes)):
        report[f"R² of {count}"] = r_squared(drawer.coder, torch.from_numpy(true), torch.from_numpy(codes))
    for name, pictures in sets.items():
        figures = judge(own, pictures, whose, limit)
        figures["grey levels off"] = float(np.sqrt(np.square(pictures.astype(np.float32) - real).mean()))
        report[name] = {key: round(value, 4) for key, value in figures.items()}
    references = [data.pictures(np.array(numbers)) for numbers, _ in plan[:OBEYING]]
    report["obedience"] = obedience(pipeline, threes[:OBEYING], references, steps=steps, guidance=guidance)
    seen = np.array([data.view(int(number)).yaw for number in targets])
    report["yaw of real renders, r"] = float(np.corrcoef(seen, yaws_of(pipeline, real))[0, 1])
    clone_sheet(pipeline, references[:12], threes[:12]).save(space.root / "clones.jpg", quality=88)
    return report


@torch.inference_mode()
def _decoded(pipeline: LikenessPipeline, latents: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) bytes of the codec's own latents."""
    parts = [
        pipeline.vae.decode(torch.from_numpy(part))
        for part in np.array_split(latents, max(1, len(latents) // 8))
    ]
    pictures = torch.cat(parts).add(1).mul(127.5).round().clamp(0, 255).byte()
    return pictures.permute(0, 2, 3, 1).contiguous().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", choices=RECIPES, default="full")
    parser.add_argument("--runs", type=Path, default=Path("training/runs"))
    parser.add_argument("--people", type=int, help="two thirds of the held-out people if not given")
    parser.add_argument(
        "--checkpoint", action="store_true", help="judge networks that are still being trained"
    )
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--guidance", type=float, default=1.0)
    args = parser.parse_args()
    torch.manual_seed(0)
    space = Workspace(RECIPES[args.recipe], args.runs)
    people = args.people or space.recipe.held_out * 2 // 3
    report = evaluate(space, people, args.checkpoint, args.steps, args.guidance)
    text = json.dumps(report, indent=1)
    (args.runs / "evaluation.json").write_text(text + "\n")
    print(text)  # noqa: T201


if __name__ == "__main__":
    main()
