"""Previews: which latents they show, in which colours, and in which order."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pipelines.diffusion import DiffusionEngine, colours
from pipelines.diffusion.colours import ColourMap
from pipelines.diffusion.previews import expected, small_picture
from pipelines.protocol import PREVIEW_SIDE
from tests.support.weights.engines import PROFILES, BuildEngine, Looks, references_of, render

MAYA = references_of("maya")
# Red shows the first channel, green the second.
TINY = ColourMap(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), (0.0, 0.0, -1.0))
REAL = {colours.SDXL: 4, colours.QWEN_IMAGE: 16, colours.FLUX2: 32}


@pytest.fixture(params=PROFILES)
def engine(
    request: pytest.FixtureRequest, build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch
) -> DiffusionEngine:
    # The tiny autoencoders have four channels.
    for name in ("SDXL", "QWEN_IMAGE", "FLUX2"):
        monkeypatch.setattr(colours, name, TINY)
    return build_engine(request.param)


def test_every_step_has_a_preview_that_changes_nothing(engine: DiffusionEngine) -> None:
    looks = Looks()
    seen = render(engine, MAYA, "front", "smile", sink=looks)
    for shot in ("front", "smile"):
        first, last = looks.previews[shot, 1], looks.previews[shot, 2]
        assert first
        assert last
        # A latent for every eight pixels.
        assert first.image.size == last.image.size == (8, 8)
        assert np.ptp(np.asarray(last.image)[..., 0]) > 0
        assert first.image.tobytes() != last.image.tobytes()
    for shot, image in render(engine, MAYA, "front", "smile").images.items():
        assert np.array_equal(image, seen.images[shot])


def test_the_last_preview_shows_the_latents_that_are_decoded(
    engine: DiffusionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Tensor] = []
    decode = engine.decode

    def keep(latents: Tensor) -> Tensor:
        decoded.append(latents)
        return decode(latents)

    monkeypatch.setattr(engine, "decode", keep)
    looks = Looks()
    render(engine, MAYA, "front", sink=looks)
    last = looks.previews["front", 2]
    assert last
    # Klein's are unpacked and their scale is undone; the first channel's order of values stays.
    (latents,) = decoded
    first_channel = latents.float().reshape(-1, 8, 8)[0]
    shown = torch.from_numpy(np.asarray(last.image)[..., 0].astype(np.float32))
    paired = torch.stack([first_channel.flatten(), shown.flatten()])
    inside = (shown.flatten() > 0) & (shown.flatten() < 255)
    assert inside.sum() > 8
    assert torch.corrcoef(paired[:, inside])[0, 1] > 0.98


def test_an_early_preview_is_of_what_is_expected_not_of_the_noise() -> None:
    generator = torch.Generator().manual_seed(1)
    finished, noise = (torch.randn(4, 8, 8, generator=generator) for _ in range(2))
    sigma = torch.tensor(0.9)
    # A flow, which predicts the noise's direction; and predicted noise, as Stable Diffusion has it.
    for latents, prediction in (
        ((1 - sigma) * finished + sigma * noise, noise - finished),
        (finished + sigma * noise, noise),
    ):
        assert torch.allclose(expected(latents, prediction, sigma), finished, atol=1e-5)
    assert torch.equal(expected(finished, None, sigma), finished)


@pytest.mark.parametrize("one", REAL, ids=["sdxl", "qwen", "flux2"])
def test_a_map_knows_its_own_latents_alone(one: ColourMap) -> None:
    channels = REAL[one]
    assert len(one.factors) == channels
    made = one(torch.zeros(channels, 3, 2))
    assert made is not None
    assert made.shape == (3, 3, 2)
    assert torch.allclose(made[:, 0, 0], torch.tensor(one.bias))
    assert one(torch.zeros(channels + 1, 3, 2)) is None


def test_a_picture_is_small_and_has_no_odd_values() -> None:
    wide = torch.zeros(3, 300, 600)
    wide[0] = 1
    picture = small_picture(wide)
    assert picture.size == (PREVIEW_SIDE, PREVIEW_SIDE // 2)
    assert picture.getpixel((0, 0)) == (255, 127, 127)
    odd = torch.tensor([float("nan"), float("inf"), -9.0])[:, None, None]
    assert small_picture(odd).getpixel((0, 0)) == (127, 255, 0)
