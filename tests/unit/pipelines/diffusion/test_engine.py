"""What holds for every profile: batches, references, cancellation, and nothing left for the next job."""

from typing import Any

import pytest
from PIL import Image

from pipelines.diffusion import DiffusionEngine
from pipelines.protocol import RenderCanceled
from tests.support.weights.engines import PROFILES, BuildEngine, CancelAt, difference, references_of, render

SHOTS = ("front", "smile", "profile", "outdoor")
MAYA, JONAS = references_of("maya"), references_of("jonas")


@pytest.fixture(scope="module", params=PROFILES)
def engine(request: pytest.FixtureRequest, build_engine: BuildEngine) -> DiffusionEngine:
    return build_engine(request.param)


def test_every_image_comes_once_in_its_size_and_every_step_is_told(engine: DiffusionEngine) -> None:
    kept = render(engine, MAYA, *SHOTS)
    assert {shot: image.shape for shot, image in kept.images.items()} == dict.fromkeys(SHOTS, (64, 64, 3))
    assert sorted(kept.steps) == sorted((shot, step) for shot in SHOTS for step in (1, 2))
    for shot in SHOTS:
        assert [step for name, step in kept.steps if name == shot] == [1, 2]


def test_an_image_is_the_same_in_a_batch_and_alone(engine: DiffusionEngine) -> None:
    together = render(engine, MAYA, *SHOTS)
    for shot in SHOTS:
        alone = render(engine, MAYA, shot)
        assert difference(together.images[shot], alone.images[shot]) <= 2


def test_it_depends_on_the_references_and_on_nothing_that_another_job_had(engine: DiffusionEngine) -> None:
    before = render(engine, MAYA, "front", "smile")
    other = render(engine, JONAS, "front", "smile")
    after = render(engine, MAYA, "front", "smile")
    for shot in ("front", "smile"):
        assert difference(before.images[shot], other.images[shot]) > 2
        assert difference(before.images[shot], after.images[shot]) == 0


def test_every_reference_counts(engine: DiffusionEngine) -> None:
    one = render(engine, [MAYA[0]], "front")
    two = render(engine, [MAYA[0], JONAS[0]], "front")
    assert difference(one.images["front"], two.images["front"]) > 0


def test_shots_and_seeds_make_different_images(engine: DiffusionEngine) -> None:
    kept = render(engine, MAYA, *SHOTS)
    for i, shot in enumerate(SHOTS):
        for other in SHOTS[:i]:
            assert difference(kept.images[shot], kept.images[other]) > 2


def test_a_canceled_render_stops_at_its_step_and_leaves_no_trace(
    engine: DiffusionEngine, build_engine: BuildEngine
) -> None:
    canceled = CancelAt(1)
    with pytest.raises(RenderCanceled):
        render(engine, JONAS, "backlit", "close-up", sink=canceled)
    assert canceled.steps == [("backlit", 1)]
    assert canceled.images == {}
    fresh = build_engine(engine.plan.profile.name)
    assert difference(*(render(e, MAYA, "front").images["front"] for e in (engine, fresh))) == 0


def test_what_a_pipeline_keeps_for_a_job_is_dropped_with_it(
    engine: DiffusionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[bool] = []
    monkeypatch.setattr(type(engine.pipe), "maybe_free_model_hooks", lambda pipe: freed.append(True))
    with pytest.raises(RenderCanceled):
        render(engine, MAYA, "front", sink=CancelAt(2))
    assert freed
    assert getattr(engine.pipe, "reference_latents", None) is None


def test_references_are_encoded_once_for_all_batches(
    engine: DiffusionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[Any] = []
    # klein and Qwen encode references with the autoencoder, SDXL with an image encoder.
    owner, name = (
        (engine.pipe.image_encoder, "forward")
        if getattr(engine.pipe, "image_encoder", None) is not None
        else (engine.pipe.vae, "encode")
    )
    stock = getattr(owner, name)

    def counted(*args: Any, **named: Any) -> Any:
        encoded.append(args)
        return stock(*args, **named)

    monkeypatch.setattr(owner, name, counted)
    render(engine, MAYA, *SHOTS, "serious", "half-body")
    # SDXL encodes both references in one call, and once more nothing at all, for guidance.
    assert len(encoded) == 2


def test_a_reference_may_have_any_shape(engine: DiffusionEngine) -> None:
    shapes = [Image.new("RGB", size, (200, 150, 120)) for size in ((64, 640), (1500, 70), (65, 67))]
    assert render(engine, shapes, "front").images["front"].std() > 0


def test_it_takes_as_many_references_as_its_profile_has_evenly_chosen(
    engine: DiffusionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[list[Image.Image]] = []
    encode = engine.encode

    def watched(references: list[Image.Image], *rest: Any) -> Any:
        used.append(references)
        return encode(references, *rest)

    monkeypatch.setattr(engine, "encode", watched)
    nine = [MAYA[0].copy() for _ in range(9)]
    render(engine, nine, "front")
    (taken,) = used
    assert len(taken) == engine.plan.profile.most_references < 9
    assert [next(i for i in range(9) if nine[i] is image) for image in taken] == (
        [0, 2, 4, 6] if len(taken) == 4 else [0, 3, 6]
    )


@pytest.mark.parametrize("profile", ["flux2-klein", "qwen-image-edit"])
def test_references_enter_no_larger_than_the_cap(build_engine: BuildEngine, profile: str) -> None:
    engine = build_engine(profile, reference_size=128)
    entered: list[tuple[int, int]] = []
    engine.pipe.vae.encoder.register_forward_pre_hook(
        lambda _, args: entered.append((args[0].shape[-1], args[0].shape[-2]))
    )
    render(engine, [Image.new("RGB", size, (200, 150, 120)) for size in ((512, 512), (600, 800))], "front")
    assert entered[0] == (128, 128)
    width, height = entered[1]
    assert width < height
    assert width * height <= 128**2


@pytest.mark.parametrize(("profile", "passes"), [("qwen-image-edit", 2), ("qwen-image-edit-lightning", 1)])
def test_guidance_takes_a_second_pass_at_each_step(
    build_engine: BuildEngine, profile: str, passes: int
) -> None:
    engine = build_engine(profile, steps=3)
    calls: list[None] = []
    engine.pipe.transformer.register_forward_hook(lambda *_: calls.append(None))
    render(engine, MAYA, "front")
    assert len(calls) == 3 * passes


def test_references_weigh_as_much_as_the_adapter_authors_advise(build_engine: BuildEngine) -> None:
    engine = build_engine("sdxl-ip-adapter")
    scales = [
        processor.scale
        for processor in engine.pipe.unet.attn_processors.values()
        if hasattr(processor, "scale")
    ]
    assert scales
    assert all(scale == [0.7] for scale in scales)


def test_what_renders_is_told_in_full(engine: DiffusionEngine) -> None:
    info = engine.info()
    assert info.profile == engine.plan.profile.name
    assert info.pipeline.endswith("Pipeline")
    assert (info.steps, info.dtype, info.device) == (2, "float32", "cpu")
    assert {"torch", "diffusers", "transformers", "likeness"} == info.versions.keys()
