"""`python -m training.package`: the trained networks as the folder that the profile `embedded` loads.

Half-precision safetensors in diffusers' form, and the lock that names them (`pipelines.weights`).
"""

import argparse
import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
from diffusers.models.modeling_utils import ModelMixin

from pipelines.embedded.bridge import BridgeScheduler
from pipelines.embedded.correction import Correction
from pipelines.embedded.nets.person import PersonArrays
from pipelines.embedded.people.arrays import Arrays
from pipelines.embedded.pipeline import LikenessPipeline
from pipelines.sources import EMBEDDED
from pipelines.weights import WeightStore
from pipelines.weights.hashing import hash_files
from pipelines.weights.lock import Lock, LockedFile
from training.correction import fit_correction
from training.finisher import load_finisher, new_finisher
from training.people.directions import fit_directions
from training.people.files import load_coder
from training.people.pack import pack_person, scaled
from training.recipe import RECIPES
from training.references import load_finder, load_reader
from training.shipped import shipped_pipeline
from training.steps import Workspace


def assemble(space: Workspace, checkpoint: bool = False, *, shipped: bool = False) -> LikenessPipeline:
    """The pipeline of what was trained, in full precision. With `checkpoint`, of what is still in training; with
    `shipped`, all but the finisher is what the package has already."""
    pipeline = shipped_pipeline() if shipped else reading_pipeline(space, checkpoint)
    pipeline.register_modules(finisher=load_finisher(space, checkpoint), scheduler=BridgeScheduler())
    return pipeline


def reading_pipeline(space: Workspace, checkpoint: bool = False) -> LikenessPipeline:
    """The same with a finisher that changes nothing yet: what a finisher's pairs are made with."""
    return LikenessPipeline(
        finisher=new_finisher(space),
        finder=load_finder(space),
        reader=load_reader(space, checkpoint),
        person=PersonArrays.of(
            pack_person(space.data) | _packed_directions(space) | _packed_correction(space)
        ),
        scheduler=BridgeScheduler(),
    )


def _packed_directions(space: Workspace) -> Arrays:
    data = space.train(pictures=False)
    directions = fit_directions(load_coder(space.data), data.shapes, data.looks)
    return {f"directions.{name}": array for name, array in directions.__dict__.items()}


def _packed_correction(space: Workspace) -> Arrays:
    return packed_correction(fit_correction(space))


def packed_correction(correction: Correction) -> Arrays:
    """In a byte for each slope, which is as exact as they are known."""
    most = np.abs(correction.slopes).max(1, keepdims=True)
    packed = scaled("correction.slopes", correction.slopes, most, np.int8)
    return packed | {"correction.offset": correction.offset.astype(np.float32)}


def package(pipeline: LikenessPipeline, store: WeightStore) -> Lock:
    """Writes the folder and its lock, in half precision."""
    folder = store.folder(EMBEDDED)
    shutil.rmtree(folder, ignore_errors=True)
    index: dict[str, object] = {
        "_class_name": type(pipeline).__name__,
        "_diffusers_version": version("diffusers"),
    }
    for name, part in pipeline.components.items():
        if isinstance(part, ModelMixin):
            # What says how large a whole number is must stay exact.
            (part if isinstance(part, PersonArrays) else part.half()).save_pretrained(folder / name)
            _without_origin(folder / name / "config.json")
            index[name] = [type(part).__module__, type(part).__name__]
        else:
            part.save_pretrained(folder / name)
            index[name] = [type(part).__module__, type(part).__name__]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)  # written for their owner alone, and read by whoever runs a worker
    return _locked(store, folder)


def _without_origin(path: Path) -> None:
    """Takes out the path on this machine that a part was loaded from."""
    config = json.loads(path.read_text())
    config.pop("_name_or_path", None)
    path.write_text(json.dumps(config, indent=2) + "\n")


def _locked(store: WeightStore, folder: Path) -> Lock:
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    hashes = hash_files(folder, sizes)
    lock = Lock(
        repository=EMBEDDED.repository,
        revision=subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip(),  # noqa: S607
        patterns=EMBEDDED.files,
        files={path: LockedFile(sha256=hashes[path], bytes=size) for path, size in sizes.items()},
    )
    lock.write(store.lock_path(EMBEDDED))
    return lock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", choices=RECIPES, default="full")
    parser.add_argument("--runs", type=Path, default=Path("training/runs"))
    parser.add_argument("--store", type=Path, help="where to write it: RUNS/weights if not given")
    parser.add_argument(
        "--checkpoint", action="store_true", help="take networks that are still being trained"
    )
    parser.add_argument(
        "--shipped", action="store_true", help="take all but the finisher from the package as it is"
    )
    args = parser.parse_args()
    space = Workspace(RECIPES[args.recipe], args.runs)
    lock = package(
        assemble(space, args.checkpoint, shipped=args.shipped),
        WeightStore(args.store or args.runs / "weights"),
    )
    print(f"{len(lock.files)} files, {lock.bytes / 1e6:.1f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
