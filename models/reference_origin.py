"""Whose face a persona's references show, as somebody states it."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema

from models.base import Document, Time

OriginKind = Literal["synthetic", "consented"]
ReferencePolicy = Literal["any", "stated", "marked"]

_WORKER = "likeness"


class ReferenceOrigin(Document):
    """A statement of whose face the references show, and who stated it when. Likeness passes it on; it can't check
    it."""

    kind: OriginKind = Field(
        description="`synthetic`: nobody's, they were made up. `consented`: a person's, who agreed to this use."
    )
    stated_by: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = (
        Field(None, description="Who states it. It is in every image, so it is public.")
    )
    # Without this, a body and an answer would have a schema each.
    stated_at: Annotated[Time, WithJsonSchema({"type": "string", "format": "date-time"})] | None = None

    @classmethod
    def made_up(cls, at: datetime) -> Self:
        """A worker's statement: it made this person up."""
        return cls(kind="synthetic", stated_by=_WORKER, stated_at=at)

    def completed(self, by: str, at: datetime) -> Self:
        """The statement, with these in place of what it leaves out."""
        return self.model_copy(update={"stated_by": self.stated_by or by, "stated_at": self.stated_at or at})
