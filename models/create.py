"""The job that makes a persona's first reference images from its description."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from models.base import InfluencerId, ProjectId
from models.influencer import Appearance, Influencer, ReferenceImage
from models.likeness import Subject
from models.message import JobMessage
from models.reference_origin import ReferenceOrigin
from models.shot import DEFAULT_CREATE_SHOTS, ShotNames, shot_named

CREATE: Literal["influencer_create"] = "influencer_create"


class CreateJob(JobMessage):
    """The Celery message of an `influencer_create` job: all that a worker needs to know."""

    # No default: a message without a kind is a clone job.
    kind: Literal["influencer_create"]
    persona: Influencer = Field(
        description="The row whose images are made. Images that it has already are not read."
    )
    shots: ShotNames = DEFAULT_CREATE_SHOTS

    subject: ClassVar[Subject] = "person"
    changes_face: ClassVar[bool] = False
    source_influencer_id: ClassVar[None] = None

    @property
    def influencer_id(self) -> InfluencerId:
        return self.persona.influencer_id

    @property
    def project_id(self) -> ProjectId:
        return self.persona.project_id

    @property
    def appearance(self) -> Appearance:
        return self.persona.appearance

    @property
    def anchor(self) -> str:
        """The shot that is rendered first, without any reference. The other shots follow its face, so it is the one
        with the least yaw, and the first of several."""
        return min(self.shots, key=lambda shot: abs(shot_named(shot).yaw))

    def reference_origin_at(self, at: datetime) -> ReferenceOrigin:
        """Synthetic, whatever the row says: the worker makes the person up."""
        return ReferenceOrigin.made_up(at)

    def described(self, row: Influencer) -> Influencer:
        return row

    def finished_row(self, images: tuple[ReferenceImage, ...], at: datetime) -> Influencer:
        """The persona's row, set to ready and with its new images. The rest is unchanged."""
        return self.persona.model_copy(
            update={
                "status": "ready",
                "thumbnail_url": images[0].thumbnail_url if images else None,
                "reference_images": images,
                "updated_at": at,
                "reference_origin": self.reference_origin_at(at),
            }
        )
