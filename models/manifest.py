"""The manifest: the last object that a job writes, and the only account of what it made."""

from typing import Literal, Self

from pydantic import Field, model_validator

from models.base import AssetId, Document, InfluencerId, JobId, ProjectId, Sha256, Time
from models.clone import CLONE
from models.domain import Domain
from models.likeness import SetLikeness
from models.message import JobKind
from models.record import NotedReference, StoredImage
from models.reference_origin import ReferenceOrigin
from models.safety import SetSafety
from models.source_type import SourceType


class UsedReference(Document):
    """A reference that conditioned the images, identified by the hash of the bytes as fetched."""

    asset_id: AssetId
    sha256: Sha256


class UsedWeights(Document):
    """A set of weights that the images were made with."""

    repository: str = Field(description="`owner/name` on the Hugging Face hub.")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="The full commit hash.")
    sha256: Sha256 = Field(description="Of repository, commit and the hashes of the files that were used.")


class RenderInfo(Document):
    """How the images were rendered: enough to reproduce them, within tolerance.

    If memory ran out, an image may have been made in a smaller batch, in tiles or from smaller references.
    """

    profile: str
    pipeline: str
    steps: int
    dtype: str
    device: str
    guidance: float | None = Field(None, description="Scale of classifier-free guidance.")
    reference_size: int | None = Field(
        None, description="References entered with at most this squared pixels."
    )
    options: dict[str, str] = Field(default_factory=dict, description="Speed options that were on.")
    weights: tuple[UsedWeights, ...] = ()
    domain: Domain | None = Field(
        None,
        description="What the images look like; they are judged by a calibration for it. Null: not stated.",
    )
    reads_text: bool | None = Field(
        None,
        description="Whether people are rendered from text, such as a prompt. Null: unstated, which counts as yes.",
    )
    warnings: tuple[str, ...] = Field((), description="What an operator should know of the options.")
    versions: dict[str, str] = Field(description="Of torch, diffusers and likeness, among others.")


class Provenance(Document):
    """What the images were made from and with. Later attempts at a job add to it."""

    references: tuple[UsedReference, ...] = ()
    render: RenderInfo | None = None
    reference_notes: tuple[NotedReference, ...] = ()


class Manifest(Provenance):
    """`manifest.json`. An object under the job's prefix that isn't named here isn't part of the result."""

    schema_version: Literal[1] = 1
    job_id: JobId
    kind: JobKind = CLONE
    influencer_id: InfluencerId
    project_id: ProjectId
    source_influencer_id: InfluencerId | None = Field(
        None, description="Of a clone: the row it was made from."
    )
    fingerprint: Sha256 | None = Field(
        None,
        description="Of the job's content: submitted again, it is known by this. Null in older manifests.",
    )
    created_at: Time
    digital_source_type: SourceType = Field(
        SourceType.GENERATED, description="Of the set: a composite if any image is. Each image has its own."
    )
    reference_origin: ReferenceOrigin | None = Field(
        None, description="Whose face the images show, as it was stated. Null: nobody did."
    )
    images: tuple[StoredImage, ...]
    likeness: SetLikeness | None = None
    safety: SetSafety | None = Field(None, description="Null: nobody looked.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        types = [one.digital_source_type for one in self.images]
        # A newer version may know others.
        known = {self.digital_source_type, *types} <= set(SourceType)
        if known and self.digital_source_type != SourceType.of_set(types):
            raise ValueError("digitalSourceType must be that of the set's images")
        return self
