"""People who are made up by models that read text."""

from typing import Any

import pytest

from models.errors import ProfileNeedsReferences
from models.influencer import Appearance
from models.shot import shot_named
from pipelines.diffusion import DiffusionEngine
from pipelines.protocol import PlannedShot
from pipelines.registry import PROFILES
from tests.support.weights.engines import BuildEngine, Kept, difference, references_of, render


def make_up(engine: DiffusionEngine, *shots: str, references: int = 0, person_seed: int = 1) -> Kept:
    kept = Kept()
    planned = [PlannedShot(shot_named(shot), sum(shot.encode())) for shot in shots]
    engine.render(references_of("maya", references), Appearance(gender="male"), planned, kept, person_seed)
    return kept


def test_klein_renders_from_text_alone_and_then_from_what_it_made(build_engine: BuildEngine) -> None:
    engine = build_engine("flux2-klein")
    before = render(engine, references_of("maya"), "front")
    prompts: list[str] = []
    encode = engine.pipe.encode_prompt

    def listening(prompt: str | None, **how: Any) -> Any:
        if prompt:  # once they are encoded, the pipeline has none
            prompts.append(prompt)
        return encode(prompt, **how)

    engine.pipe.encode_prompt = listening
    alone = make_up(engine, "front", "smile")
    assert {shot: image.shape for shot, image in alone.images.items()} == {
        "front": (64, 64, 3),
        "smile": (64, 64, 3),
    }
    assert len(prompts) == 2
    assert all("one single person: man" in prompt and "reference" not in prompt for prompt in prompts)
    prompts.clear()
    beside = make_up(engine, "smile", references=1)
    assert "the same person as in the reference images: man" in prompts[0]
    assert difference(alone.images["smile"], beside.images["smile"]) > 0
    engine.pipe.encode_prompt = encode
    after = render(engine, references_of("maya"), "front")
    assert difference(before.images["front"], after.images["front"]) == 0


@pytest.mark.parametrize("name", ["qwen-image-edit", "sdxl-ip-adapter"])
@pytest.mark.parametrize("references", [0, 1])
def test_others_say_which_can(build_engine: BuildEngine, name: str, references: int) -> None:
    with pytest.raises(ProfileNeedsReferences, match="embedded, flux2-klein") as caught:
        make_up(build_engine(name), "front", references=references)
    assert (caught.value.code, caught.value.retryable) == ("PROFILE_NEEDS_REFERENCES", False)
    assert caught.value.details == {"profile": name}


def test_the_profiles_that_can() -> None:
    assert [name for name, profile in PROFILES.items() if profile.can_create] == [
        "embedded",
        "flux2-klein",
        "flux2-klein-small",
        "fake",
    ]
