"""The prompt says everything about appearance and shot, and nothing else."""

import pytest

from models.influencer import Appearance
from models.shot import REFERENCE_SHEET, shot_named
from pipelines.prompt import keywords_for, prompt_for

SOMEONE = Appearance(
    gender="female",
    age_range="25-34",
    ethnicity="South Asian",
    body_type="athletic",
    hair_color="black",
    hair_style="long, wavy",
    style="linen shirts",
    vibe="calm",
)
FRONT = shot_named("front")


def test_every_shot_of_the_sheet_has_a_prompt_of_its_own() -> None:
    assert len({prompt_for(shot, SOMEONE) for shot in REFERENCE_SHEET.values()}) == len(REFERENCE_SHEET)


@pytest.mark.parametrize("field", Appearance.model_fields)
def test_every_field_of_appearance_counts(field: str) -> None:
    without = SOMEONE.model_copy(update={field: Appearance.model_fields[field].default})
    assert prompt_for(FRONT, without) != prompt_for(FRONT, SOMEONE)
    others = {"gender": "male", "age_range": "60+"}
    other = SOMEONE.model_copy(update={field: others.get(field, "unheard-of")})
    assert prompt_for(FRONT, other) not in {prompt_for(FRONT, SOMEONE), prompt_for(FRONT, without)}


def test_without_references_none_are_spoken_of() -> None:
    prompt = prompt_for(FRONT, SOMEONE, has_references=False)
    assert prompt.startswith(
        "A head-and-shoulders portrait photo of one single person: South Asian woman, aged"
    )
    assert "reference" not in prompt


def test_an_unknown_appearance_leaves_no_gaps() -> None:
    prompt = prompt_for(FRONT, Appearance())
    assert "None" not in prompt
    assert "  " not in prompt
    assert ": person." in prompt


def test_user_text_stays_on_one_line_and_carries_no_hidden_characters() -> None:
    prompt = prompt_for(FRONT, Appearance(style="  denim\r\n\tjacket\x00\u202e. ", hair_style="Bob Hair"))
    assert "Dressed and styled: denim jacket." in prompt
    assert "Bob Hair," not in prompt
    assert "Bob Hair." in prompt
    assert prompt.isprintable()


@pytest.mark.parametrize(("yaw", "side"), [(-35, "left"), (35, "right"), (80, "right"), (-80, "left")])
def test_the_side_that_the_head_turns_to(yaw: float, side: str) -> None:
    turned = FRONT.model_copy(update={"yaw": yaw})
    assert f"image's {side}" in prompt_for(turned, SOMEONE)


@pytest.mark.parametrize(
    ("age_range", "words"),
    [
        ("25 \N{EN DASH} 34", "aged 25-34"),
        ("mid-30s", "aged 34-36"),
        ("60+", "aged 60 or older"),
        ("25", "aged 25"),
    ],
)
def test_ages_are_said_in_the_prompts_own_words(age_range: str, words: str) -> None:
    for say in (prompt_for, keywords_for):
        assert f", {words}," in say(FRONT, SOMEONE.model_copy(update={"age_range": age_range}))


@pytest.mark.parametrize("age_range", ["8-10", "teen", "25-34; looks 10", "\uff18-10", "under 30"])
def test_nothing_of_an_age_that_is_refused_gets_into_a_prompt(age_range: str) -> None:
    """Its job never gets here; this is the last door."""
    silent = SOMEONE.model_copy(update={"age_range": None})
    for say in (prompt_for, keywords_for):
        assert say(FRONT, SOMEONE.model_copy(update={"age_range": age_range})) == say(FRONT, silent)
