"""GPU profiles in their real types (bfloat16, float16), from files with the names that were published."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from models.render import RenderOptions, SpeedOptions
from pipelines.device import Device
from pipelines.diffusion import DiffusionEngine
from pipelines.loading import load_pipeline
from pipelines.profile import Profile
from pipelines.registry import PROFILES
from tests.support.weights.engines import references_of, render
from tests.support.weights.tiny_weights import FETCHED, write_tiny

VARIANTS: dict[str, SpeedOptions] = {
    "quantize": SpeedOptions(quantize="fp8"),
    "channels_last": SpeedOptions(channels_last=True),
    "step_cache": SpeedOptions(step_cache="first-block"),
}
CASES = [
    (name, variant)
    for name in FETCHED
    for variant in (None, *(one for one in VARIANTS if one in PROFILES[name].speed))
]


class Accelerator(Device):
    """A CPU that computes in the type of an accelerator."""

    def computes_in(self, profile: Profile) -> torch.dtype:
        dtype: torch.dtype = getattr(torch, profile.dtype)
        return dtype


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    for name in FETCHED:
        write_tiny(name, root)
    return root


def load(name: str, weights: Path, speed: SpeedOptions) -> DiffusionEngine:
    options = RenderOptions(
        profile=name,
        device="cpu",
        weights=str(weights),
        image_size=64,
        steps=2,
        reference_size=64,
        speed=speed,
    )
    engine = load_pipeline(options, Accelerator)
    assert isinstance(engine, DiffusionEngine)
    return engine


@pytest.mark.parametrize(("profile", "variant"), CASES)
def test_it_loads_and_renders_in_its_own_type(profile: str, variant: str | None, weights: Path) -> None:
    engine = load(profile, weights, VARIANTS[variant] if variant else SpeedOptions())
    assert engine.info().dtype == PROFILES[profile].dtype
    images = render(engine, references_of("maya"), "front", "smile").images
    assert images.keys() == {"front", "smile"}
    assert all(image.std() > 1 for image in images.values()), "neither of them is one grey"


@pytest.mark.parametrize(
    ("file", "names"),
    [
        (
            "stabilityai--stable-diffusion-xl-base-1.0/text_encoder/model.fp16.safetensors",
            {"text_model.embeddings.token_embedding.weight"},
        ),
        (
            "h94--IP-Adapter/models/image_encoder/model.safetensors",
            {"vision_model.embeddings.position_ids", "visual_projection.weight"},
        ),
        (
            "Qwen--Qwen-Image-Edit-2511/text_encoder/*.safetensors",
            {"visual.patch_embed.proj.weight", "model.embed_tokens.weight"},
        ),
        (
            "lightx2v--Qwen-Image-Edit-2511-Lightning/*.safetensors",
            {"transformer_blocks.0.attn.to_q.alpha", "transformer_blocks.0.attn.to_q.lora_down.weight"},
        ),
    ],
)
def test_the_files_have_the_published_names(file: str, names: set[str], weights: Path) -> None:
    found: set[str] = set()
    for path in weights.glob(file):
        with safe_open(path, "pt") as tensors:
            opened: Any = tensors
            found |= set(opened.keys())
    assert names <= found
