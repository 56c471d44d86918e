"""Builds the prompt for a photo diffusion model from a persona's appearance and a shot.

A personality never gets here, since it must not change a pixel. Prompts are for profiles that read text, which
`embedded` doesn't. Language models get sentences, CLIP's short text encoders keywords.
"""

import unicodedata

from models.ages import ADULT, read_ages
from models.influencer import Appearance, Gender
from models.shot import Background, Expression, Framing, Light, Shot

_PERSON: dict[Gender, str] = {
    "male": "man",
    "female": "woman",
    "nonbinary": "androgynous person",
    "unspecified": "person",
}
_EXPRESSION: dict[Expression, str] = {
    "neutral": "a relaxed, neutral expression",
    "smile": "a warm, natural smile",
    "serious": "a serious, composed expression",
    "surprised": "a surprised expression with raised eyebrows",
}
_LIGHT: dict[Light, str] = {
    "soft": "soft, even light",
    "warm": "warm golden light",
    "cool": "cool, bluish daylight",
    "side": "dramatic light from one side",
    "backlit": "bright light from behind with a rim on the hair",
}
_BACKGROUND: dict[Background, str] = {
    "studio": "a neutral grey studio backdrop",
    "plain": "a plain, bright wall",
    "indoor": "a softly blurred living room",
    "outdoor": "a softly blurred park in daylight",
}
_FRAMING: dict[Framing, str] = {
    "close-up": "close-up portrait photo",
    "head-and-shoulders": "head-and-shoulders portrait photo",
    "half-body": "half-body portrait photo",
}


def prompt_for(shot: Shot, appearance: Appearance, *, has_references: bool = True) -> str:
    """The prompt in a few English sentences. Equal arguments give equal prompts."""
    who = "the same person as in the reference images" if has_references else "one single person"
    sentences = [
        f"A {_FRAMING[shot.framing]} of {who}: {_person(appearance)}.",
        f"{_pose(shot)}, with {_EXPRESSION[shot.expression]}.",
        f"{_LIGHT[shot.light].capitalize()}, in front of {_BACKGROUND[shot.background]}.",
    ]
    if style := _clean(appearance.style):
        sentences.append(f"Dressed and styled: {style}.")
    if vibe := _clean(appearance.vibe):
        sentences.append(f"The mood is {vibe}.")
    sentences.append("Natural skin texture, sharp eyes, realistic photograph.")
    return " ".join(sentences)


def keywords_for(shot: Shot, appearance: Appearance) -> str:
    """The prompt in keywords, with the user's free text last: CLIP reads 77 tokens and drops the rest."""
    keywords = [
        _FRAMING[shot.framing],
        _person(appearance),
        _pose(shot)[0].lower() + _pose(shot)[1:],
        _EXPRESSION[shot.expression],
        _LIGHT[shot.light],
        _BACKGROUND[shot.background],
        _clean(appearance.style),
        _clean(appearance.vibe),
    ]
    return ", ".join(keyword for keyword in keywords if keyword)


def _person(appearance: Appearance) -> str:
    """For instance: `South Asian woman, aged 25-34, long black hair, athletic build`."""
    hair = " ".join(part for part in (_clean(appearance.hair_style), _clean(appearance.hair_color)) if part)
    if hair and "hair" not in hair.lower().split():
        hair += " hair"
    details = [
        f"{_clean(appearance.ethnicity)} {_PERSON[appearance.gender]}".strip(),
        f"aged {ages}" if (ages := _ages(appearance.age_range)) else "",
        hair,
        f"{build} build" if (build := _clean(appearance.body_type)) else "",
    ]
    return ", ".join(detail for detail in details if detail)


def _ages(age_range: str | None) -> str:
    """The ages in the prompt's own words. Those of people who aren't adults, or that can't be read, never get here:
    such jobs are refused before. If one did, the prompt would say nothing of its age."""
    ages = read_ages(age_range or "")
    return str(ages) if ages and ages.low >= ADULT else ""


def _pose(shot: Shot) -> str:
    """Describes the head's pose in words and, since some models follow numbers, in degrees."""
    side = "right" if shot.yaw > 0 else "left"
    turn = abs(shot.yaw)
    if turn < 8:
        pose = "Facing the camera"
    elif turn < 60:
        pose = f"The head turned {turn:.0f} degrees to the image's {side}"
    else:
        pose = f"In profile, facing the image's {side} at {turn:.0f} degrees"
    if abs(shot.pitch) >= 5:
        pose += f" and tilted {abs(shot.pitch):.0f} degrees {'up' if shot.pitch > 0 else 'down'}"
    return pose


def _clean(text: str | None) -> str:
    """User text as one line without control or formatting characters, which could hide or break words."""
    if text is None:
        return ""
    visible = "".join(" " if unicodedata.category(char).startswith(("C", "Z")) else char for char in text)
    return " ".join(visible.split()).rstrip(" .,;")
