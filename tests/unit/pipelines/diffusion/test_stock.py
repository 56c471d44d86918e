"""Engines against the stock pipelines: the same weights, prompt, references and noise make the same image."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus

from models.influencer import Appearance
from models.shot import shot_named
from pipelines.sdxl_ip_adapter import NEGATIVE_PROMPT
from tests.support.weights.engines import PROFILES, BuildEngine, difference, references_of, render

SHOT = "front"
MAYA = [image.resize((64, 64)) for image in references_of("maya")]


@pytest.mark.parametrize("profile", PROFILES)
def test_it_renders_what_the_stock_pipeline_does(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    engine = build_engine(profile)
    rendered = render(engine, MAYA, SHOT).images[SHOT]
    # Qwen's own brings references to these areas.
    for name in ("CONDITION_IMAGE_SIZE", "VAE_IMAGE_SIZE"):
        monkeypatch.setattr(pipeline_qwenimage_edit_plus, name, 64 * 64)
    stock: Any = import_module(str(engine.plan.profile.geometry)).build(
        "tiny", dtype=torch.float32, device="cpu"
    )
    assert type(stock).__name__ == engine.stock_name
    stock.set_progress_bar_config(disable=True)
    if profile == "sdxl-ip-adapter":
        stock.set_ip_adapter_scale(0.7)
    own: dict[str, dict[str, Any]] = {
        "flux2-klein": {"image": MAYA, "guidance_scale": 1.0},
        "qwen-image-edit": {"image": MAYA, "true_cfg_scale": 4.0, "negative_prompt": " "},
        "sdxl-ip-adapter": {
            "ip_adapter_image": [MAYA],
            "guidance_scale": 6.0,
            "negative_prompt": NEGATIVE_PROMPT,
        },
    }
    (image,) = stock(
        prompt=engine.conditioning(shot_named(SHOT), Appearance()),
        generator=torch.Generator().manual_seed(sum(SHOT.encode())),
        height=64,
        width=64,
        num_inference_steps=2,
        output_type="pil",
        **own[profile],
    ).images
    expected = np.asarray(image, np.int64)
    assert expected.std() > 10, "an image of one colour would tell nothing"
    assert difference(rendered, expected) <= 2
