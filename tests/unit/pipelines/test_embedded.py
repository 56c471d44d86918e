"""The embedded profile: real steps, images that depend on references, seed and shot, and no copies."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageOps

from models.influencer import Appearance
from models.render import RenderOptions
from models.shot import REFERENCE_SHEET, shot_named
from pipelines.device import Device
from pipelines.embedded.stand_in import Embedded
from pipelines.profile import Plan
from pipelines.protocol import PlannedShot, RenderCanceled, RenderedImage, Setup, Step
from pipelines.registry import profile_named
from pipelines.staging import to_tensor, yaw_of
from worker.samples import load_sample

SIZE = 96
STEPS = 6


def references_of(name: str) -> list[Image.Image]:
    return [Image.open(io.BytesIO(data)).convert("RGB") for data in load_sample(name)[1]]


JONAS = references_of("jonas")
MAYA = references_of("maya")


def load() -> Embedded:
    options = RenderOptions(profile="embedded", image_size=SIZE, steps=STEPS)
    return Embedded.load(Setup(Plan.of(profile_named("embedded"), options), Device("cpu"), options.speed))


@pytest.fixture(scope="module")
def pipeline() -> Embedded:
    return load()


class Told(list["Step | RenderedImage"]):
    """A sink that keeps everything in order."""

    def step(self, step: Step) -> None:
        self.append(step)

    def image(self, image: RenderedImage) -> None:
        self.append(image)

    @property
    def images(self) -> list[RenderedImage]:
        return [entry for entry in self if isinstance(entry, RenderedImage)]


def render(
    pipeline: Embedded,
    references: Sequence[Image.Image] = JONAS,
    *shots: str,
    seed: int = 1,
    told: Told | None = None,
) -> list[RenderedImage]:
    planned = [PlannedShot(shot_named(name), seed) for name in shots or ("front",)]
    sink = Told() if told is None else told
    pipeline.render(references, Appearance(), planned, sink)
    return sink.images


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two images, in levels of 255."""
    pair = [np.asarray(image.convert("RGB").resize((SIZE, SIZE)), np.float32) for image in (one, other)]
    return float(np.abs(pair[0] - pair[1]).mean())


def test_images_are_rgb_of_the_size_and_come_with_their_shot_and_seed(pipeline: Embedded) -> None:
    images = render(pipeline, JONAS, "front", "smile", seed=7)
    assert [(image.shot, image.seed) for image in images] == [("front", 7), ("smile", 7)]
    assert {(image.image.mode, image.image.size) for image in images} == {("RGB", (SIZE, SIZE))}


def test_every_step_is_told_in_order_and_each_image_comes_before_the_next_begins(pipeline: Embedded) -> None:
    told = Told()
    render(pipeline, JONAS, "front", "smile", told=told)
    in_order = [entry.shot if isinstance(entry, RenderedImage) else entry for entry in told]
    expected = [
        entry
        for name in ("front", "smile")
        for entry in (*(Step(name, step, STEPS) for step in range(1, STEPS + 1)), name)
    ]
    assert in_order == expected


def test_the_same_seed_and_references_give_the_same_image(pipeline: Embedded) -> None:
    first, again = (render(pipeline, JONAS, "outdoor")[0].image for _ in range(2))
    assert np.abs(np.asarray(first, int) - np.asarray(again, int)).max() <= 1


def test_an_image_does_not_depend_on_the_shots_rendered_before_it(pipeline: Embedded) -> None:
    alone = render(pipeline, JONAS, "smile")[0].image
    after = render(pipeline, JONAS, "front", "smile")[1].image
    assert distance(alone, after) < 0.01


def test_another_seed_is_another_image(pipeline: Embedded) -> None:
    assert distance(*(render(pipeline, JONAS, seed=seed)[0].image for seed in (1, 2))) > 4


def test_one_seed_is_another_image_for_another_persona(pipeline: Embedded) -> None:
    assert distance(*(render(pipeline, references)[0].image for references in (JONAS, MAYA))) > 20


@pytest.mark.parametrize("count", [1, 6])
def test_no_image_is_a_copy_of_a_reference_or_of_its_mirror_image(pipeline: Embedded, count: int) -> None:
    references = JONAS[:count]
    for rendered in render(pipeline, references, *REFERENCE_SHEET):
        for reference in references:
            assert distance(rendered.image, reference) > 8
            assert distance(rendered.image, ImageOps.mirror(reference)) > 8


def test_all_shots_of_one_seed_differ(pipeline: Embedded) -> None:
    images = [rendered.image for rendered in render(pipeline, JONAS[:1], *REFERENCE_SHEET)]
    # Expressions are beyond this model: smile differs from front by nothing but its seed, which is equal here.
    names = [name for name in REFERENCE_SHEET if name != "smile"]
    kept = [image for name, image in zip(REFERENCE_SHEET, images, strict=True) if name in names]
    assert min(distance(one, other) for i, one in enumerate(kept) for other in kept[:i]) > 1


def test_warm_light_is_warmer_than_cool_light(pipeline: Embedded) -> None:
    warm, cool = (
        np.asarray(rendered.image, float).mean((0, 1))
        for rendered in render(pipeline, JONAS[:1], "warm-light", "cool-light")
    )
    assert warm[0] / warm[2] > 1.3 * cool[0] / cool[2]


def test_yaw_is_guessed_on_the_right_side_and_flips_with_the_image() -> None:
    left, right = JONAS[5], JONAS[4]  # rendered at -30 and 23 degrees
    assert yaw_of(to_tensor(left, SIZE)) < -8
    assert yaw_of(to_tensor(right, SIZE)) > 8
    mirrored = yaw_of(to_tensor(ImageOps.mirror(left), SIZE))
    assert mirrored == pytest.approx(-yaw_of(to_tensor(left, SIZE)), abs=1)


def test_a_canceled_render_stops_at_once_and_leaves_no_trace(pipeline: Embedded) -> None:
    fresh = render(load())[0].image
    told = CancelAt(3)
    with pytest.raises(RenderCanceled):
        render(pipeline, MAYA, "backlit", told=told)
    assert [entry.step for entry in told if isinstance(entry, Step)] == [1, 2, 3]
    assert distance(render(pipeline)[0].image, fresh) == 0


class CancelAt(Told):
    """Cancels the render at a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._at = step

    def step(self, step: Step) -> None:
        super().step(step)
        if step.step == self._at:
            raise RenderCanceled


def test_twenty_references_of_any_shape(pipeline: Embedded) -> None:
    odd = [image.resize((64 + 40 * (i % 3), 64)) for i, image in enumerate(JONAS + MAYA)]
    image = render(pipeline, (odd * 2)[:20])[0].image
    assert np.asarray(image).std() > 10


def test_a_flat_reference_is_no_trouble(pipeline: Embedded) -> None:
    image = render(pipeline, [Image.new("RGB", (64, 64), (90, 120, 150))])[0].image
    assert np.isfinite(np.asarray(image, float)).all()
