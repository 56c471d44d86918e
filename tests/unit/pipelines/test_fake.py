"""The profile `fake`: placeholders that look like it, the outcomes that jobs ask for, and no torch."""

import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image

from models.errors import InvalidInput, NoUsableReference, RenderError
from models.influencer import Appearance
from models.render import RenderOptions
from models.shot import shot_named
from models.source_type import SourceType
from pipelines.fake.gate import FakeGate
from pipelines.fake.outcome import Outcome
from pipelines.loading import load_pipeline
from pipelines.protocol import PlannedShot, ReferencePipeline, RenderedImage


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.images: list[RenderedImage] = []
        self.steps: list[Any] = []

    def step(self, step: Any) -> None:
        self.steps.append(step)

    def image(self, image: RenderedImage) -> None:
        self.images.append(image)

    def reference(self, note: Any) -> None:
        raise AssertionError(note)


@pytest.fixture
def fake() -> ReferencePipeline:
    return load_pipeline(RenderOptions(profile="fake", weights="none"))


def rendered(fake: ReferencePipeline, vibe: str | None, seed: int = 7) -> Kept:
    kept, grey = Kept(), Image.new("RGB", (64, 64), "grey")
    shots = [PlannedShot(shot_named(name), seed) for name in ("front", "smile")]
    fake.render([grey], Appearance(vibe=vibe), shots, kept)
    return kept


def test_it_draws_placeholders_that_say_what_they_are(fake: ReferencePipeline) -> None:
    front, smile = rendered(fake, "bright and spontaneous").images
    assert front.source_type is SourceType.ALGORITHMIC
    assert front.image.tobytes() != smile.image.tobytes()
    colours = {colour for _, colour in front.image.getcolors(1 << 20) or ()}
    # Barrier tape, and white words on black.
    assert {(255, 215, 0), (0, 0, 0), (255, 255, 255)} <= colours
    (again, _), (other, _) = rendered(fake, None).images, rendered(fake, None, 8).images
    assert again.image.tobytes() == front.image.tobytes() != other.image.tobytes()
    assert fake.info().profile == "fake"
    assert "placeholders" in fake.info().warnings[0]


def test_its_gate_takes_all_but_those_that_are_to_miss(fake: ReferencePipeline) -> None:
    gate = FakeGate()
    references = gate.check_references([Image.new("RGB", (8, 8))] * 2)
    assert [one.used for one in references.checked] == [True, True]
    for vibe, outcomes in (
        (None, ["pass", "pass"]),
        ("fake: miss", ["miss", "miss"]),
        ("fake: miss=smile", ["pass", "miss"]),
    ):
        portraits = [gate.portrait(one.image) for one in rendered(fake, vibe).images]
        assert [gate.judge(one, references).verdict.outcome for one in portraits] == outcomes


def test_a_slow_one_tells_of_itself_while_it_waits(fake: ReferencePipeline) -> None:
    steps = [one.step for one in rendered(fake, "fake: slow=0.3").steps]
    assert len(steps) > 4, "whoever calls it off needn't wait"
    assert sum(later < earlier for earlier, later in pairwise(steps)) == 1, "they only rise, within a shot"


def test_it_fails_as_it_is_asked_to(fake: ReferencePipeline) -> None:
    with pytest.raises(RenderError):
        rendered(fake, "fake: fail")
    with pytest.raises(NoUsableReference):
        rendered(fake, "fake: no-reference")


def test_outcomes_can_be_combined() -> None:
    outcome = Outcome.of("fake: slow=2, miss=front miss=smile")
    assert outcome == Outcome(seconds=2, missed=("front", "smile"))


@pytest.mark.parametrize("word", ["slow", "slow=-1", "slow=1e9", "fail=1", "explode"])
def test_an_unknown_outcome_is_an_error_that_lists_the_known_ones(word: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{word}'. It knows: slow=SECONDS, miss,"):
        Outcome.of(f"fake: {word}")


def test_it_needs_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; import worker.render.child, worker.verify.child, pipelines.fake.gate;"
        "from pipelines.loading import load_pipeline; from models.render import RenderOptions;"
        "load_pipeline(RenderOptions(profile='fake', weights='none'));"
        "print(sorted({'torch', 'numpy', 'cv2', 'dlib', 'diffusers'} & sys.modules.keys()))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
