"""`python -m training.all --assets FOLDER`: every step in order. What is done is skipped, so that it can be killed.

Each step is a process of its own, so that one's memory is gone before the next begins.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from training.recipe import RECIPES, Recipe


def commands(recipe: Recipe, name: str, assets: Path, runs: Path) -> list[list[str]]:
    """The steps' commands."""
    data = [
        f"--assets={assets}",
        f"--out={runs / 'data'}",
        f"--basis={recipe.basis}",
        f"--identities={recipe.identities}",
        f"--held-out={recipe.held_out}",
        f"--size={recipe.size}",
    ]

    weights = runs / "weights"

    def step(module: str, *more: str) -> list[str]:
        return [module, f"--recipe={name}", f"--runs={runs}", *more]

    return [
        ["training.data.generate", *data],
        step("training.references"),
        step("training.correction"),
        step("training.data.pairs", f"--assets={assets}"),
        step("training.finisher"),
        step("training.package"),
        [
            "training.evaluate",
            f"--assets={assets}",
            f"--weights={weights}",
            f"--out={runs / 'evaluation.json'}",
        ],
    ]


def run(recipe: str, assets: Path, runs: Path) -> None:
    """Raises CalledProcessError when a step fails."""
    for command in commands(RECIPES[recipe], recipe, assets, runs):
        started = time.monotonic()
        print(f"{time.strftime('%F %T')} starts {' '.join(command)}", flush=True)  # noqa: T201
        # One thread for numpy, since the renderer has a process for each core; torch is told its own number.
        # Waiting threads sleep: spinning, they would take the core from the working one on a busy machine.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
        subprocess.run([sys.executable, "-m", *command], check=True, env=environment)  # noqa: S603
        print(f"{time.strftime('%F %T')} done in {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with MakeHuman's CC0 assets")
    parser.add_argument("--recipe", choices=RECIPES, default="full")
    parser.add_argument("--runs", type=Path, default=Path("training/runs"))
    args = parser.parse_args()
    run(args.recipe, args.assets, args.runs)


if __name__ == "__main__":
    main()
