"""Out of memory and lost devices: the way down the ladder, what is remembered, and when the process must go."""

from threading import Event
from typing import Any
from weakref import ref

import pytest
import torch

from models.errors import DeviceLost, RenderOutOfMemory
from models.render import RenderOptions
from pipelines.diffusion import DiffusionEngine
from pipelines.diffusion.decoder import Decoder
from pipelines.diffusion.ladder import Ladder, Rung
from pipelines.diffusion.recovery import attempt
from pipelines.profile import Plan
from pipelines.registry import profile_named
from tests.support.weights.engines import (
    PROFILES,
    BuildEngine,
    FaultyDevice,
    difference,
    references_of,
    render,
)

KLEIN = "flux2-klein"
SHOTS = ("front", "smile", "profile", "outdoor")
MAYA = references_of("maya")


def out_of_memory() -> torch.OutOfMemoryError:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_the_ladder_goes_down_to_one_small_image_in_tiles() -> None:
    rungs = [Rung(4, tiling=False, reference_size=512)]
    while lower := rungs[-1].lower():
        rungs.append(lower)
    assert [(rung.batch, rung.tiling, rung.reference_size) for rung in rungs] == [
        (4, False, 512),
        (2, False, 512),
        (1, False, 512),
        (1, True, 512),
        (1, True, 384),
        (1, True, 288),
        (1, True, 256),
    ]


def test_what_worked_is_remembered_for_each_number_of_references() -> None:
    ladder = Ladder(Plan.of(profile_named(KLEIN), RenderOptions(profile=KLEIN)))
    assert ladder.step_down(3, batch=4)
    assert (ladder.at(3).batch, ladder.at(1).batch) == (2, 4)
    assert ladder.step_down(2, batch=1)
    assert ladder.at(2) == Rung(1, tiling=True, reference_size=512), "one image is not tried again as a batch"
    ladder.learn_tiling(1)
    assert ladder.at(1).tiling
    assert not ladder.at(3).tiling


def test_nothing_of_what_failed_is_left_when_memory_is_freed() -> None:
    made: list[ref[torch.Tensor]] = []
    left: list[torch.Tensor | None] = []

    class Watched(FaultyDevice):
        def free(self) -> None:
            left.extend(tensor() for tensor in made)

    def work() -> None:
        tensor = torch.zeros(1)
        made.append(ref(tensor))
        raise out_of_memory()

    assert attempt(Watched(), work) is None
    assert left == [None]


@pytest.mark.parametrize("phase", ["encode", "denoise"])
def test_a_batch_that_does_not_fit_is_halved_and_the_images_stay_the_same(
    build_engine: BuildEngine, phase: str
) -> None:
    expected = render(build_engine(KLEIN), MAYA, *SHOTS)
    device = FaultyDevice({(phase, 1): out_of_memory()})  # type: ignore[dict-item]
    engine = build_engine(KLEIN, device)
    kept = render(engine, MAYA, *SHOTS)
    assert device.freed == 1
    assert device.phases.count("denoise") == (3 if phase == "denoise" else 2)
    for shot in SHOTS:
        assert difference(kept.images[shot], expected.images[shot]) <= 2
    # The next job begins with what worked.
    device.phases.clear()
    render(engine, MAYA, *SHOTS)
    assert device.phases.count("denoise") == 2


def test_an_image_that_finds_no_room_beside_the_denoiser_is_decoded_after_it(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = render(build_engine(KLEIN), MAYA, *SHOTS)
    device = FaultyDevice({("decode", 1): out_of_memory()})
    engine = build_engine(KLEIN, device, max_batch=2)
    _decode_while_denoising(engine, monkeypatch)
    kept = render(engine, MAYA, *SHOTS)
    for shot in SHOTS:
        assert difference(kept.images[shot], expected.images[shot]) <= 2
    assert device.phases.count("denoise") == 2, "no image is denoised twice"
    assert not engine.pipe.vae.use_tiling, "alone, there was room"
    device.phases.clear()
    render(engine, MAYA, *SHOTS)
    assert device.phases.count("denoise") == 4, "smaller batches leave room"


def test_an_image_that_is_too_much_even_alone_is_decoded_in_tiles(build_engine: BuildEngine) -> None:
    device = FaultyDevice({("decode", number): out_of_memory() for number in (2, 5)})
    engine = build_engine(KLEIN, device)
    kept = render(engine, MAYA, *SHOTS)
    assert set(kept.images) == set(SHOTS)
    assert device.phases.count("denoise") == 1
    assert engine.pipe.vae.use_tiling
    render(engine, MAYA, "front")
    assert engine.pipe.vae.use_tiling, "it is remembered"
    render(engine, MAYA[:1], "front")
    assert not engine.pipe.vae.use_tiling, "for this many references only"


@pytest.mark.parametrize("profile", PROFILES)
def test_tiles_are_smaller_than_the_image(build_engine: BuildEngine, profile: str) -> None:
    """Stock autoencoders have tiles as large as the image, and decode it whole."""
    # Larger than the tiles that Qwen's autoencoder comes with, 256 pixels.
    engine = build_engine(profile, image_size=512)
    sides: list[int] = []
    engine.pipe.vae.decoder.register_forward_pre_hook(lambda _, args: sides.append(args[0].shape[-1]))
    render(engine, MAYA, "front")
    whole = 512 // engine.pipe.vae_scale_factor
    assert sides == [whole]
    engine._ladder.learn_tiling(len(MAYA))
    sides.clear()
    render(engine, MAYA, "front")
    assert max(sides) <= whole // 2


def _decode_while_denoising(engine: DiffusionEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no batch but the first be denoised before something was decoded."""
    decoded = Event()
    denoise, beside = engine.denoise, Decoder._beside

    def wait_and_denoise(encoded: Any, rows: list[int], *rest: Any) -> Any:
        assert rows[0] == 0 or decoded.wait(30)
        return denoise(encoded, rows, *rest)

    def tell(decoder: Decoder, *args: Any) -> None:
        beside(decoder, *args)
        decoded.set()

    monkeypatch.setattr(engine, "denoise", wait_and_denoise)
    monkeypatch.setattr(Decoder, "_beside", tell)


def test_smaller_references_come_after_tiles(build_engine: BuildEngine) -> None:
    device = FaultyDevice({("denoise", 1): out_of_memory(), ("denoise", 2): out_of_memory()})
    engine = build_engine(KLEIN, device, max_batch=1, reference_size=512)
    large = [image.resize((512, 512)) for image in MAYA]
    render(engine, large, "front")
    # Tiles first, with the encoding that there is; then references are encoded anew.
    assert device.phases[:5] == ["encode", "denoise", "denoise", "encode", "denoise"]


def test_below_the_last_rung_the_process_must_go(build_engine: BuildEngine) -> None:
    device = FaultyDevice({("denoise", number): out_of_memory() for number in (1, 2)})
    engine = build_engine(KLEIN, device, max_batch=1)
    with pytest.raises(RenderOutOfMemory) as caught:
        render(engine, MAYA, "front")
    assert caught.value.retryable
    # Its traceback would hold tensors for as long as someone keeps the error.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_decoding_that_does_not_even_fit_in_tiles_ends_the_render(build_engine: BuildEngine) -> None:
    device = FaultyDevice({("decode", number): out_of_memory() for number in (1, 2, 3)})
    with pytest.raises(RenderOutOfMemory):
        render(build_engine(KLEIN, device), MAYA, "front")


@pytest.mark.parametrize("phase", ["encode", "denoise", "decode"])
def test_a_lost_context_is_told_apart(build_engine: BuildEngine, phase: str) -> None:
    lost = torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
    engine = build_engine(KLEIN, FaultyDevice({(phase, 1): lost}))  # type: ignore[dict-item]
    with pytest.raises(DeviceLost) as caught:
        render(engine, MAYA, "front")
    assert caught.value.code == "DEVICE_LOST"


def test_any_other_error_goes_up_as_it_is(build_engine: BuildEngine) -> None:
    engine = build_engine(KLEIN, FaultyDevice({("denoise", 1): RuntimeError("shapes differ")}))
    with pytest.raises(RuntimeError, match="shapes differ"):
        render(engine, MAYA, "front")
    assert render(engine, MAYA, "front").images, "and the next job is none the worse"


def test_numbers_that_are_not_finite_never_become_an_image(
    build_engine: BuildEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = build_engine(KLEIN)
    decode = engine.decode
    monkeypatch.setattr(engine, "decode", lambda latents: decode(latents) * float("nan"))
    with pytest.raises(Exception, match="aren't finite"):
        render(engine, MAYA, "front")
