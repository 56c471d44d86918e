"""What every command takes: the recipe's name and the folder of the run."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from training.data.dataset import Dataset
from training.recipe import RECIPES, Recipe


@dataclass(frozen=True)
class Workspace:
    """A run's folder: data/, pairs/ and one folder for each network."""

    recipe: Recipe
    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def pairs(self) -> Path:
        return self.root / "pairs"

    def train(self, identities: int | None = None, pictures: bool = True) -> Dataset:
        return Dataset(self.data / "train", identities or self.recipe.identities, pictures)

    def held_out(self, pictures: bool = True) -> Dataset:
        return Dataset(self.data / "held_out", self.recipe.held_out, pictures)


def workspace(description: str | None) -> Workspace:
    """From the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--recipe", choices=RECIPES, default="full")
    parser.add_argument("--runs", type=Path, default=Path("training/runs"), help="folder of the run")
    args = parser.parse_args()
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0))))
    return Workspace(RECIPES[args.recipe], args.runs)
