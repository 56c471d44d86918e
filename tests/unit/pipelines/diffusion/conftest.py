"""Engines on tiny random weights, in memory: the real pipelines' code at 64 pixels and two steps."""

from importlib import import_module
from typing import Any

import pytest
import torch

from models.render import RenderOptions
from pipelines.device import Device
from pipelines.diffusion import DiffusionEngine
from pipelines.loading import pipeline_class
from pipelines.profile import Plan
from pipelines.protocol import Setup
from pipelines.registry import profile_named
from tests.support.weights.engines import BuildEngine


@pytest.fixture(scope="session")
def build_engine() -> BuildEngine:
    """`build_engine(profile, device=…, max_batch=…)`: options beyond the device are RenderOptions' own."""

    def build(profile_name: str, device: Device | None = None, **options: Any) -> DiffusionEngine:
        profile = profile_named(profile_name)
        tiny = {"image_size": 64, "steps": 2, "reference_size": 64} | options
        chosen = RenderOptions(profile=profile_name, **tiny)
        engine: Any = pipeline_class(profile)
        geometry = import_module(str(profile.geometry))
        pipeline = geometry.build(
            "tiny", dtype=torch.float32, device="cpu", pipeline_class=engine.pipeline_class
        )
        setup = Setup(Plan.of(profile, chosen), device or Device("cpu"))
        built: DiffusionEngine = engine(pipeline, setup)
        return built

    return build
