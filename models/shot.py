"""Shots: the named views that make up a persona's reference sheet."""

from typing import Annotated, Literal

from pydantic import Field

from models.base import Document
from models.errors import InvalidInput

Expression = Literal["neutral", "smile", "serious", "surprised"]
Light = Literal["soft", "warm", "cool", "side", "backlit"]
Background = Literal["studio", "plain", "indoor", "outdoor"]
Framing = Literal["close-up", "head-and-shoulders", "half-body"]


class Shot(Document):
    """One view of the persona. Angles are the head's, in degrees, as seen by the camera."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    yaw: float = Field(0, ge=-90, le=90, description="Positive turns the face to the image's right.")
    pitch: float = Field(0, ge=-45, le=45, description="Positive looks up.")
    expression: Expression = "neutral"
    light: Light = "soft"
    background: Background = "studio"
    framing: Framing = "head-and-shoulders"


REFERENCE_SHEET: dict[str, Shot] = {
    shot.name: shot
    for shot in (
        Shot(name="front"),
        Shot(name="three-quarter-left", yaw=-30),
        Shot(name="three-quarter-right", yaw=30),
        Shot(name="profile", yaw=80),
        Shot(name="smile", expression="smile"),
        Shot(name="serious", expression="serious", background="plain"),
        Shot(name="close-up", framing="close-up"),
        Shot(name="half-body", framing="half-body", background="indoor"),
        Shot(name="looking-up", pitch=20),
        Shot(name="warm-light", light="warm", background="indoor"),
        Shot(name="cool-light", light="cool", background="plain"),
        Shot(name="side-light", light="side", yaw=-15),
        Shot(name="backlit", light="backlit", background="outdoor"),
        Shot(name="outdoor", background="outdoor", expression="smile", yaw=15),
    )
}
"""Every shot that a job may ask for, by name."""

DEFAULT_SHOTS: tuple[str, ...] = (
    "front",
    "three-quarter-left",
    "three-quarter-right",
    "smile",
    "close-up",
    "warm-light",
    "side-light",
    "outdoor",
)
"""The shots of a clone job that names none: views that the likeness gate can judge."""

DEFAULT_CREATE_SHOTS: tuple[str, ...] = ("front", "three-quarter-left", "three-quarter-right", "smile")
"""The shots of a create job, which makes up a person, if it names none."""

ShotNames = Annotated[
    tuple[Annotated[str, Field(json_schema_extra={"enum": list(REFERENCE_SHEET)})], ...],
    Field(min_length=1, max_length=len(REFERENCE_SHEET), json_schema_extra={"uniqueItems": True}),
]


def shot_named(name: str) -> Shot:
    """The sheet's shot with that name. Raises InvalidInput if there is none."""
    try:
        return REFERENCE_SHEET[name]
    except KeyError:
        raise InvalidInput(
            f"There is no shot {name[:64]!r}. Choose from: {', '.join(REFERENCE_SHEET)}.", shot=name[:64]
        ) from None
