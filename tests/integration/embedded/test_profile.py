"""The profile `embedded` on the weights that are shipped: what its images depend on, and what can't upset it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import ProfileLoadFailed
from models.influencer import Appearance
from models.render import RenderOptions
from models.shot import Shot, shot_named
from pipelines.embedded.profile import Embedded
from pipelines.loading import load_pipeline
from pipelines.profile import Plan
from pipelines.protocol import PlannedShot, RenderCanceled
from pipelines.registry import profile_named
from pipelines.weights import WeightStore
from tests.support.pictures.portraits import references_of, yaws_of
from tests.support.weights.engines import CancelAt, Kept, Levels, difference

SHOTS = ("front", "smile", "profile", "outdoor")
MAYA, JONAS = references_of("maya")[:2], references_of("jonas")[:2]


def render(
    engine: Embedded,
    references: Sequence[Image.Image] = MAYA,
    *shots: str | Shot,
    seed: int = 1,
    sink: Any = None,
) -> Kept:
    """All shots have the same seed, so that they differ by nothing but what they ask for."""
    asked = [shot_named(shot) if isinstance(shot, str) else shot for shot in shots or ("front",)]
    kept = Kept() if sink is None else sink
    engine.render(references, Appearance(), [PlannedShot(shot, seed) for shot in asked], kept)
    result: Kept = kept
    return result


def distance(one: Levels, other: Levels) -> float:
    """The mean absolute difference, in levels of 255."""
    return float(np.abs(one - other).mean())


@contextmanager
def replaced(engine: Embedded, **changed: Any) -> Iterator[None]:
    """With another plan."""
    plan = engine.plan
    engine.plan = replace(plan, **changed)
    try:
        yield
    finally:
        engine.plan = plan


def test_it_says_what_renders_and_with_which_weights(engine: Embedded, shipped: WeightStore) -> None:
    info = engine.info()
    assert (info.profile, info.pipeline, info.steps) == ("embedded", "LikenessPipeline", 2)
    assert (info.dtype, info.device) == ("float32", "cpu")
    (source,) = profile_named("embedded").sources
    lock = shipped.lock(source)
    assert lock
    (used,) = info.weights
    assert (used.repository, used.revision) == ("likeness/embedded", lock.revision)
    assert used.sha256 == lock.narrowed(source.files).digest
    assert {"torch", "diffusers", "likeness"} <= info.versions.keys()


def test_every_shot_gives_one_image_of_its_own_size(engine: Embedded) -> None:
    kept = render(engine, MAYA, *SHOTS, "serious", "half-body")  # more than a batch
    assert list(kept.images) == [*SHOTS, "serious", "half-body"]
    assert {image.shape for image in kept.images.values()} == {(256, 256, 3)}


def test_every_step_is_told_in_order_and_each_is_a_pass_of_the_finisher(engine: Embedded) -> None:
    passes: list[int] = []
    hook = engine.pipe.finisher.register_forward_hook(lambda _, given, __: passes.append(len(given[0])))
    with replaced(engine, steps=3):
        kept = render(engine, MAYA, "front", "smile")
    hook.remove()
    assert kept.steps == [(shot, step) for step in (1, 2, 3) for shot in ("front", "smile")]
    assert passes == [2, 2, 2]


@pytest.mark.parametrize("size", [256, 512, 768])
def test_images_may_have_several_sizes(engine: Embedded, size: int) -> None:
    """512 is the usual one."""
    with replaced(engine, size=size):
        assert render(engine).images["front"].shape == (size, size, 3)
    assert Plan.of(profile_named("embedded"), RenderOptions(profile="embedded")).size == 512


def test_a_size_that_its_cells_do_not_fill_is_refused() -> None:
    with pytest.raises(
        ProfileLoadFailed, match=r"a multiple of 16 pixels, and 264 isn't.*LIKENESS_IMAGE_SIZE"
    ):
        load_pipeline(RenderOptions(profile="embedded", device="cpu", image_size=264))


def test_equal_inputs_give_equal_images(engine: Embedded) -> None:
    one, again = (render(engine, MAYA, "front", "outdoor").images for _ in range(2))
    assert max(difference(one[shot], again[shot]) for shot in one) <= 2


def test_an_image_is_the_same_in_a_batch_and_alone(engine: Embedded) -> None:
    together = render(engine, MAYA, *SHOTS).images
    for shot in SHOTS:
        assert difference(together[shot], render(engine, MAYA, shot).images[shot]) <= 2


def test_other_references_make_another_person_of_the_same_view(engine: Embedded) -> None:
    maya, jonas = (render(engine, references, *SHOTS).images for references in (MAYA, JONAS))
    assert min(distance(maya[shot], jonas[shot]) for shot in SHOTS) > 5


def test_every_reference_counts(engine: Embedded) -> None:
    one, two = (render(engine, references).images["front"] for references in (MAYA[:1], [MAYA[0], JONAS[0]]))
    assert distance(one, two) > 1


def test_another_seed_is_another_image(engine: Embedded) -> None:
    one, other = (render(engine, MAYA, seed=seed).images["front"] for seed in (1, 2))
    assert distance(one, other) > 5


def test_shots_of_one_seed_differ(engine: Embedded) -> None:
    images = list(render(engine, MAYA, *SHOTS, "backlit", "close-up").images.values())
    assert min(distance(one, other) for i, one in enumerate(images) for other in images[:i]) > 5


@pytest.mark.parametrize("references", [MAYA, JONAS])
def test_the_head_turns_as_far_as_the_shot_says(engine: Embedded, references: list[Image.Image]) -> None:
    asked = (-35, 0, 35)
    shots = [Shot(name=f"turned-{number}", yaw=yaw) for number, yaw in enumerate(asked)]
    images = render(engine, references, *shots).images.values()
    left, ahead, right = yaws_of(engine.pipe, [Image.fromarray(image.astype(np.uint8)) for image in images])
    assert left < -15 < ahead < 15 < right


ODD = {
    "as small as one may be": Image.new("RGB", (64, 64), (90, 120, 150)),
    "a wide strip": Image.new("RGB", (4000, 64), (200, 20, 20)),
    "a tall strip": Image.new("RGB", (64, 4000), (20, 200, 20)),
    "black": Image.new("RGB", (256, 256)),
    "white": Image.new("RGB", (256, 256), (255, 255, 255)),
    "noise": Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)),
    "a face in a corner": Image.new("RGB", (512, 512), (128, 128, 128)),
    "a face upside down": MAYA[0].transpose(Image.Transpose.ROTATE_180),
}
ODD["a face in a corner"].paste(MAYA[0].resize((64, 64)), (448, 448))


@pytest.mark.parametrize("name", ODD)
def test_a_reference_without_a_face_to_find_gives_an_image_all_the_same(engine: Embedded, name: str) -> None:
    image = render(engine, [ODD[name]]).images["front"]
    assert image.shape == (256, 256, 3)
    assert image.std() > 0
    person = engine.pipe.read([ODD[name]])
    assert np.isfinite(person.code).all()
    assert [one.index for one in person.left_out] == [0]


@pytest.mark.parametrize("count", [1, 4, 5, 20])
def test_one_to_twenty_references_of_all_kinds(engine: Embedded, count: int) -> None:
    references = ([*MAYA, *JONAS, *ODD.values()] * 2)[:count]
    assert len(references) == count
    assert render(engine, references).images["front"].std() > 0


def test_a_canceled_render_stops_at_its_step_and_leaves_no_trace(engine: Embedded) -> None:
    canceled = CancelAt(1)
    with pytest.raises(RenderCanceled):
        render(engine, JONAS, "backlit", "close-up", seed=5, sink=canceled)
    assert canceled.steps == [("backlit", 1)]
    assert canceled.images == {}
    fresh = load_pipeline(RenderOptions(profile="embedded", device="cpu", image_size=256))
    assert isinstance(fresh, Embedded)
    assert difference(*(render(each, MAYA).images["front"] for each in (engine, fresh))) == 0


def test_a_person_who_was_read_is_remembered(engine: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    pipe_read = engine.pipe.read

    def counted(references: Sequence[Image.Image], *others: Any) -> Any:
        read.append(len(references))
        return pipe_read(references, *others)

    monkeypatch.setattr(engine.pipe, "read", counted)
    # No other test gives these, so nobody remembers them.
    one, other = ([picture] for picture in references_of("robin")[4:6])
    first = render(engine, one).images["front"]
    render(engine, other)
    again = render(engine, [picture.copy() for picture in one]).images["front"]
    assert read == [1, 1]
    assert np.array_equal(first, again)
    # Whatever else the reading follows from is another person's.
    render(engine, MAYA)
    render(engine, MAYA[::-1])
    engine.render(MAYA, Appearance(hair_color="red"), [PlannedShot(shot_named("front"), 1)], Kept())
    with replaced(engine, size=512):
        render(engine, MAYA)
    assert read == [1, 1, 2, 2, 2, 2]
    render(engine, one)
    assert read[6:] == [1], "the last few alone are kept"
