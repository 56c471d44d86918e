"""Tiny pipelines run with the stock diffusers code, and their weights are as a loader would leave them."""

from importlib import import_module
from typing import Any, cast

import numpy as np
import pytest
import torch
from diffusers.pipelines.flux2.pipeline_flux2_klein import Flux2KleinPipeline
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus
from PIL import Image
from torch import nn

from pipelines.geometry import TINY_SIZE, TINY_STEPS, Geometry
from pipelines.geometry.random_weights import on_meta

ARGUMENTS: dict[str, dict[str, Any]] = {
    "flux2_klein": {"guidance_scale": 1.0},
    "qwen_image_edit": {"true_cfg_scale": 4.0, "negative_prompt": " "},
    "sdxl_ip_adapter": {"guidance_scale": 6.0},
}
NOISE = [Image.effect_noise((TINY_SIZE, TINY_SIZE), spread).convert("RGB") for spread in (40, 90)]
GREY = [Image.new("RGB", (TINY_SIZE, TINY_SIZE), (90, 90, 90))] * 2


def build(name: str, dtype: torch.dtype = torch.float32, **options: Any) -> Any:
    geometry = cast("Geometry", import_module(f"pipelines.geometry.{name}"))
    pipeline = geometry.build("tiny", dtype=dtype, device="cpu", **options)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def render(name: str, pipeline: Any, references: list[Image.Image]) -> np.ndarray[Any, np.dtype[np.float32]]:
    is_adapter = name == "sdxl_ip_adapter"
    images = pipeline(
        prompt="A portrait",
        **({"ip_adapter_image": [references]} if is_adapter else {"image": references}),
        **ARGUMENTS[name],
        height=TINY_SIZE,
        width=TINY_SIZE,
        num_inference_steps=TINY_STEPS,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
    ).images
    return cast("np.ndarray[Any, np.dtype[np.float32]]", images)


@pytest.fixture(autouse=True)
def _small_references(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAE_IMAGE_SIZE", "CONDITION_IMAGE_SIZE"):
        monkeypatch.setattr(pipeline_qwenimage_edit_plus, name, TINY_SIZE**2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_tiny_pipeline_renders_and_looks_at_the_references(name: str, dtype: torch.dtype) -> None:
    pipeline = build(name, dtype)
    pipeline.vae.to(dtype)  # SDXL's is in float32: whoever uses it brings the latents to that
    noisy, grey = render(name, pipeline, NOISE), render(name, pipeline, GREY)
    assert noisy.shape == (1, TINY_SIZE, TINY_SIZE, 3)
    assert np.isfinite(noisy).all()
    assert noisy.std() > 0.05
    assert np.abs(noisy - grey).max() > 0.01


@pytest.mark.parametrize("name", ARGUMENTS)
def test_all_weights_are_real_finite_and_in_the_dtype(name: str) -> None:
    for part, model in build(name, torch.bfloat16).components.items():
        if isinstance(model, nn.Module):
            expected = torch.float32 if (name, part) == ("sdxl_ip_adapter", "vae") else torch.bfloat16
            assert not model.training
            assert {weight.dtype for weight in model.parameters()} == {expected}
            tensors = [*model.parameters(), *model.buffers()]
            assert all(not tensor.is_meta and tensor.isfinite().all() for tensor in tensors)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_seed_is_a_set_of_weights(name: str) -> None:
    first, again, other = (dict(build(name, seed=seed).vae.named_parameters()) for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_the_caller_chooses_the_class() -> None:
    class Mine(Flux2KleinPipeline):  # type: ignore[misc]
        pass

    assert type(build("flux2_klein", pipeline_class=Mine)) is Mine


def test_shared_weights_stay_shared() -> None:
    encoder = build("flux2_klein").text_encoder
    assert encoder.lm_head.weight is encoder.model.embed_tokens.weight


def test_running_statistics_can_be_divided_by() -> None:
    assert (build("flux2_klein").vae.bn.running_var > 0).all()


def test_the_adapter_comes_loaded() -> None:
    pipeline = build("sdxl_ip_adapter")
    assert pipeline.unet.encoder_hid_proj is not None
    assert pipeline.image_encoder is not None
    assert type(pipeline.feature_extractor).__name__ == "CLIPImageProcessorPil"


def test_frequencies_are_computed_and_not_random() -> None:
    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3))
            self.register_buffer("frequencies", torch.arange(3), persistent=False)

    layer = on_meta(Layer)
    assert layer.weight.is_meta
    assert layer.get_buffer("frequencies").tolist() == [0, 1, 2]
