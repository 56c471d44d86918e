"""The denoiser against what theory says about it."""

import pytest
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from pipelines.patchwork import PatchworkDenoiser, PatchworkPipeline

SIZE = 48


@pytest.fixture
def candidates() -> Tensor:
    """Three smooth random images."""
    rough = torch.randn(3, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(rough, (SIZE, SIZE), mode="bicubic").clamp(-1, 1)


def test_of_pure_noise_it_predicts_the_prior_mean(candidates: Tensor) -> None:
    prior = torch.tensor([0.0, -1.0, -2.0])
    denoiser = PatchworkDenoiser()
    noise = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    predicted = denoiser(noise, 1.0, candidates, prior)
    assert not torch.allclose(predicted, denoiser(noise, 1.0, candidates, torch.zeros(3)), atol=0.05)
    assert torch.allclose(predicted, denoiser(-noise, 1.0, candidates, prior), atol=1e-5)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_of_a_slightly_noisy_candidate_it_predicts_that_candidate(candidates: Tensor, index: int) -> None:
    noise = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    sigma = 0.2
    predicted = PatchworkDenoiser()(
        (1 - sigma) * candidates[index] + sigma * noise, sigma, candidates, torch.zeros(3)
    )
    errors = (predicted - candidates).abs().mean((1, 2, 3))
    assert errors.argmin() == index
    assert errors[index] < 0.12


def test_it_recombines_halves_of_two_candidates(candidates: Tensor) -> None:
    mixed = torch.cat([candidates[0, :, :, : SIZE // 2], candidates[1, :, :, SIZE // 2 :]], dim=-1)
    predicted = PatchworkDenoiser()(mixed[None] * 0.9, 0.1, candidates, torch.zeros(3))[0]
    away = SIZE // 2 - 8
    assert (predicted - mixed)[:, :, :away].abs().mean() < 0.15
    assert (predicted - mixed)[:, :, -away:].abs().mean() < 0.15


def test_the_pipeline_ends_where_the_denoiser_points(candidates: Tensor) -> None:
    pipeline = PatchworkPipeline(PatchworkDenoiser(), FlowMatchEulerDiscreteScheduler())
    generator = torch.Generator().manual_seed(3)
    image = pipeline(
        candidates[:1], torch.zeros(1), generator, num_inference_steps=4, on_step=lambda done: None
    )
    assert (image - candidates[0]).abs().mean() < 0.1
