"""Speed options: each acts, none changes what is rendered by more than it may, none is on by itself."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import Flux2Transformer2DModel
from diffusers.models.modeling_utils import ModelMixin

from models.render import SpeedOptions
from pipelines.diffusion import speed
from pipelines.protocol import RenderCanceled
from pipelines.registry import PROFILES
from tests.support.weights.engines import (
    BuildEngine,
    CancelAt,
    FaultyDevice,
    Levels,
    difference,
    references_of,
    render,
)

MAYA, JONAS = references_of("maya"), references_of("jonas")

# Each of an engine's options once, with the first profile that offers it.
OFFERED = sorted(
    {
        (profile.pipeline, option): (profile.name, option)
        for profile in reversed(PROFILES.values())
        for option in profile.speed
    }.values()
)
VALUES: dict[str, object] = {
    "attention": "native",
    "channels_last": True,
    "compile": True,
    "quantize": "fp8",
    "step_cache": "first-block",
}
ACTS: dict[str, Callable[[Any], bool]] = {
    "attention": lambda denoiser: any(
        getattr(module.processor, "_attention_backend", None) == "native"
        for module in denoiser.modules()
        if hasattr(module, "processor")
    ),
    "channels_last": lambda denoiser: denoiser.conv_in.weight.is_contiguous(
        memory_format=torch.channels_last
    ),
    "compile": lambda denoiser: any(module._compiled_call_impl is not None for module in denoiser.modules()),
    "quantize": lambda denoiser: any(
        parameter.dtype == torch.float8_e4m3fn for parameter in denoiser.parameters()
    ),
    "step_cache": lambda denoiser: denoiser.is_cache_enabled,
}


def test_nothing_is_on_by_itself(build_engine: BuildEngine) -> None:
    for profile in ("flux2-klein", "qwen-image-edit", "sdxl-ip-adapter"):
        assert build_engine(profile).info().options == {}


@cache
def plain_image(profile: str, build_engine: BuildEngine) -> Levels:
    return render(build_engine(profile), MAYA, "front").images["front"]


@pytest.mark.parametrize(("profile", "option"), OFFERED)
def test_every_option_that_a_profile_offers_acts_and_leaves_the_image(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch, profile: str, option: str
) -> None:
    stock = ModelMixin.compile_repeated_blocks
    # Inductor takes a minute of a CPU for this; tracing the blocks is what could change them.
    monkeypatch.setattr(ModelMixin, "compile_repeated_blocks", lambda model: stock(model, backend="eager"))
    engine = build_engine(profile, speed=SpeedOptions.model_validate({option: VALUES[option]}))
    assert ACTS[option](engine._denoiser)
    assert list(engine.info().options.values()) == ["on" if VALUES[option] is True else VALUES[option]]
    image = render(engine, MAYA, "front").images["front"]
    away = np.abs(image - plain_image(profile, build_engine))
    if option == "quantize":
        assert 0 < away.mean() < 20
    # What a step cache skips is told by how much changes, and of random weights that says nothing.
    elif option != "step_cache":
        assert away.max() <= 2


def test_an_attention_backend_is_used(build_engine: BuildEngine) -> None:
    engine = build_engine("flux2-klein", speed=SpeedOptions(attention="_native_efficient"))
    backends = {
        str(block.attn.processor._attention_backend) for block in engine.pipe.transformer.transformer_blocks
    }
    assert backends == {"AttentionBackendName._NATIVE_EFFICIENT"}
    # This backend has no kernel for a CPU: had it become the process's default, others couldn't render either.
    assert render(build_engine("flux2-klein"), MAYA, "front").images


@pytest.mark.parametrize(
    ("profile", "asked", "used"),
    [
        ("flux2-klein", None, "_native_efficient"),
        ("flux2-klein", "native", "native"),
        ("sdxl-ip-adapter", None, None),
    ],
)
def test_a_device_has_a_backend_of_its_choice_where_none_is_asked_for(
    profile: str, asked: Any, used: str | None, build_engine: BuildEngine
) -> None:
    class Choosy(FaultyDevice):
        attention = "_native_efficient"

    engine = build_engine(profile, device=Choosy(), speed=SpeedOptions(attention=asked))
    assert engine.info().options.get("attention") == used


def test_a_step_cache_skips_work_and_forgets_a_canceled_job(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Random weights change too much from step to step for the threshold that trained ones are run with.
    monkeypatch.setattr(speed, "_FIRST_BLOCK_THRESHOLD", 10.0)
    steps = 8
    cached = build_engine("qwen-image-edit", speed=SpeedOptions(step_cache="first-block"), steps=steps)
    last = cached.pipe.transformer.transformer_blocks[-1]
    runs: list[Any] = []
    last.attn.register_forward_hook(lambda *args: runs.append(None))
    first = render(cached, MAYA, "front").images["front"]
    # Two passes a step, for guidance.
    assert len(runs) < 2 * steps
    with pytest.raises(RenderCanceled):
        render(cached, JONAS, "smile", sink=CancelAt(3))
    assert difference(render(cached, MAYA, "front").images["front"], first) == 0


def test_compiled_profiles_are_warmed_up_in_every_shape_that_jobs_bring(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Flux2Transformer2DModel, "compile_repeated_blocks", lambda model: None)
    compiled = build_engine("flux2-klein", speed=SpeedOptions(compile=True))
    shapes: list[tuple[int, int]] = []
    denoise = compiled.denoise

    def watched(encoded: Any, rows: list[int], *rest: Any) -> Any:
        shapes.append((len(rows), len(encoded.references)))
        return denoise(encoded, rows, *rest)

    monkeypatch.setattr(compiled, "denoise", watched)
    compiled.warm_up()
    assert sorted(shapes) == [(1, 1), (1, 2), (2, 1), (2, 2)]
