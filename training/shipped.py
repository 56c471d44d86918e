"""The pipeline that the package ships, for steps that go on from it instead of from a run's own networks."""

from pathlib import Path

import torch

from pipelines.embedded.pipeline import LikenessPipeline
from pipelines.embedded.profile import CLASSES
from pipelines.sources import EMBEDDED
from pipelines.weights import WeightStore, store_of
from pipelines.weights.safe import load_folder


def shipped_pipeline(store: Path | None = None) -> LikenessPipeline:
    """In full precision. With a `store`, that of a folder which `training.package` wrote."""
    folder = (WeightStore(store) if store else store_of(EMBEDDED, Path("none"))).folder(EMBEDDED)
    pipeline: LikenessPipeline = load_folder(LikenessPipeline, folder, CLASSES, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
