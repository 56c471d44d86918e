"""A kind of job: pictures of a persona for postcards, without any reference."""

from datetime import datetime
from typing import ClassVar, Literal

from models.influencer import Appearance, Influencer, ReferenceImage
from models.likeness import Subject
from models.message import JobMessage
from models.shot import ShotNames


class PostcardJob(JobMessage):
    kind: Literal["influencer_postcard"]
    persona: Influencer
    shots: ShotNames = ("front",)

    subject: ClassVar[Subject] = "any"
    changes_face: ClassVar[bool] = False
    source_influencer_id: ClassVar[None] = None

    @property
    def influencer_id(self) -> str:
        return self.persona.influencer_id

    @property
    def project_id(self) -> str:
        return self.persona.project_id

    @property
    def appearance(self) -> Appearance:
        return self.persona.appearance

    def described(self, row: Influencer) -> Influencer:
        return row

    def finished_row(self, images: tuple[ReferenceImage, ...], at: datetime) -> Influencer:
        return self.persona.model_copy(update={"reference_images": images, "updated_at": at})
