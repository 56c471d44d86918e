"""Speed options: each acts, none changes what is rendered by more than it may, none is on by itself."""

from typing import Any

import pytest
import torch
from diffusers import Flux2Transformer2DModel

from models.render import SpeedOptions
from pipelines.diffusion import speed
from pipelines.protocol import RenderCanceled
from tests.unit.pipelines.diffusion.conftest import BuildEngine, CancelAt, difference, references_of, render

MAYA, JONAS = references_of("maya"), references_of("jonas")


def test_nothing_is_on_by_itself(build_engine: BuildEngine) -> None:
    for profile in ("flux2-klein", "qwen-image-edit", "sdxl-ip-adapter"):
        assert build_engine(profile).info().options == {}


def test_quantized_weights_are_kept_in_8_bits_and_the_image_is_nearly_the_same(
    build_engine: BuildEngine,
) -> None:
    plain = build_engine("flux2-klein")
    small = build_engine("flux2-klein", speed=SpeedOptions(quantize="fp8"))
    kinds = {parameter.dtype for parameter in small.pipe.transformer.parameters()}
    assert torch.float8_e4m3fn in kinds
    images = [render(engine, MAYA, "front").images["front"] for engine in (plain, small)]
    assert 0 < abs(images[0] - images[1]).mean() < 10
    assert small.info().options == {"quantize": "fp8"}


def test_channels_last_changes_the_layout_and_not_the_image(build_engine: BuildEngine) -> None:
    plain = build_engine("sdxl-ip-adapter")
    fast = build_engine("sdxl-ip-adapter", speed=SpeedOptions(channels_last=True))
    weight = fast.pipe.unet.conv_in.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert difference(*(render(engine, MAYA, "front").images["front"] for engine in (plain, fast))) <= 2


def test_an_attention_backend_is_used(build_engine: BuildEngine) -> None:
    engine = build_engine("flux2-klein", speed=SpeedOptions(attention="_native_efficient"))
    backends = {
        str(block.attn.processor._attention_backend) for block in engine.pipe.transformer.transformer_blocks
    }
    assert backends == {"AttentionBackendName._NATIVE_EFFICIENT"}
    # This backend has no kernel for a CPU: had it become the process's default, others couldn't render either.
    assert render(build_engine("flux2-klein"), MAYA, "front").images


def test_an_attention_backend_that_is_not_installed_is_refused_at_load(build_engine: BuildEngine) -> None:
    with pytest.raises(Exception, match="flash"):
        build_engine("flux2-klein", speed=SpeedOptions(attention="flash"))


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


def test_compiled_blocks_render_the_same(build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    stock = Flux2Transformer2DModel.compile_repeated_blocks
    # Inductor takes a minute of a CPU for this; tracing the blocks is what could change them.
    monkeypatch.setattr(
        Flux2Transformer2DModel, "compile_repeated_blocks", lambda model: stock(model, backend="eager")
    )
    plain = build_engine("flux2-klein")
    compiled = build_engine("flux2-klein", speed=SpeedOptions(compile=True))
    assert compiled.pipe.transformer.transformer_blocks[0]._compiled_call_impl is not None
    images = [render(engine, MAYA, "front").images["front"] for engine in (plain, compiled)]
    assert difference(*images) <= 2


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
