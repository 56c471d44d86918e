"""The bridge from a carried picture to a finished one, and the cells that it works in."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pipelines.embedded.bridge import BridgeScheduler
from pipelines.embedded.finishing import unshuffled
from pipelines.embedded.nets.finisher import CHANNELS, FACTOR, TOLD

FINISHED, CARRIED, NOISE = torch.randn(3, 2, CHANNELS, 4, 4, generator=torch.Generator().manual_seed(0))
SPREAD = torch.full((2, CHANNELS, 4, 4), 0.3)


def told(share: float, cover: float) -> Tensor:
    """Everywhere so much of it the references', and so much of it face."""
    cells = torch.zeros(1, TOLD, 4, 4)
    cells[:, : FACTOR**2], cells[:, FACTOR**2] = share, cover
    return cells


def test_it_hangs_between_both_pictures() -> None:
    at_both = BridgeScheduler.between(FINISHED, CARRIED, torch.tensor([0.0, 1.0]), SPREAD, NOISE)
    assert torch.equal(at_both[0], FINISHED[0])
    assert torch.equal(at_both[1], CARRIED[1])
    middle = BridgeScheduler.between(FINISHED, CARRIED, torch.tensor([0.5, 0.5]), SPREAD, NOISE)
    expected = (FINISHED + CARRIED) / 2 + 0.15 * NOISE
    assert torch.allclose(middle, expected, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_last_step_reaches_the_finished_picture(steps: int) -> None:
    bridge = BridgeScheduler()
    bridge.set_timesteps(steps)
    assert bridge.timesteps.tolist() == pytest.approx([1 - k / steps for k in range(steps)])
    sample = CARRIED
    for index in range(steps):
        before, sample = sample, bridge.step(FINISHED, index, sample, SPREAD, NOISE)
        nearer = (sample - FINISHED).abs().mean() < (before - FINISHED).abs().mean()
        assert nearer
    assert torch.equal(sample, FINISHED)


def test_steps_follow_the_bridge() -> None:
    """From where it begins, one step gives what training saw at that level."""
    bridge = BridgeScheduler()
    bridge.set_timesteps(4)
    stepped = bridge.step(FINISHED, 0, CARRIED, SPREAD, NOISE)
    level = torch.tensor([0.75, 0.75])
    assert torch.allclose(stepped, bridge.between(FINISHED, CARRIED, level, SPREAD, NOISE), atol=1e-6)


def test_noise_is_least_where_references_show_what_is_there_and_none_on_the_backdrop() -> None:
    bridge = BridgeScheduler(sure=0.1, unsure=0.4)
    sure, half, unsure, backdrop = (
        bridge.sigma(told(share, cover)) for share, cover in ((1, 1), (0.5, 1), (0, 1), (0, 0))
    )
    assert sure.shape == (1, CHANNELS, 4, 4)
    for sigma, expected in ((sure, 0.1), (half, 0.25), (unsure, 0.4), (backdrop, 0.0)):
        assert torch.allclose(sigma, torch.full_like(sigma, expected), atol=1e-6)


def test_the_spread_of_a_pixel_is_that_of_its_three_colours() -> None:
    cells = told(0, 1)
    cells[:, 5] = 1  # the references' pixel in row 1, column 1 of each cell
    sigma = torch.nn.functional.pixel_shuffle(BridgeScheduler(sure=0.1, unsure=0.4).sigma(cells), FACTOR)
    assert torch.allclose(sigma[0, :, 1::FACTOR, 1::FACTOR], torch.tensor(0.1))
    assert torch.isclose(sigma, torch.tensor(0.1)).sum() == 3 * 16


def test_cells_are_as_torch_unshuffles_them() -> None:
    picture = np.random.default_rng(0).random((24, 16, 3)).astype(np.float32)
    expected = torch.nn.functional.pixel_unshuffle(torch.from_numpy(picture).permute(2, 0, 1), FACTOR)
    assert np.array_equal(unshuffled(picture), expected.numpy())
