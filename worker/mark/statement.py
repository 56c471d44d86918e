"""What a signature says of an image: how it was made, from what, and for which job."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID, uuid5

from models.derived import asset_id_of
from models.job import Job
from models.manifest import RenderInfo, UsedReference
from models.record import NOT_CARRIED, NOT_USED
from models.source_type import SourceType
from worker.base.version import likeness_version

RENDER_ASSERTION = "org.likeness.render"
"""The label of our own assertion."""

Kind = Literal["image", "thumbnail", "evidence"]
"""What a picture of a shot is to its job. Evidence is a try that missed the likeness."""

Relationship = Literal["inputTo", "componentOf"]
"""C2PA's, of an ingredient to a picture: an input of the model, or a part of the picture."""

_NAMES = UUID("3f2b1c52-7a0e-4c86-9d0b-8e5b4a1d6c77")


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be said of a picture of a shot."""

    shot: str
    seed: int
    source_type: SourceType = SourceType.GENERATED
    kind: Kind = "image"


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A reference that conditioned the images. `marks` has the C2PA manifests that came with it, if any did, as
    `worker.mark.kept` makes them; `index` is its place among the job's references."""

    index: int
    reference: UsedReference
    marks: Mapping[Relationship, bytes] = field(default_factory=dict)
    """An archive has its relationship inside, so there is one for each."""

    @property
    def label(self) -> str:
        return f"reference-{self.index}"

    @property
    def marks_size(self) -> int:
        """Bytes that an image carries of them: one archive."""
        return max(map(len, self.marks.values()), default=0)

    def definition(self, relationship: Relationship) -> dict[str, Any]:
        """As the SDK takes it: by asset id and hash, never by key or URL, since images are public."""
        asset_id, digest = self.reference.asset_id, self.reference.sha256
        return {
            "label": self.label,
            # Were it left out, the SDK would take the id that the reference's own XMP has, or draw one.
            "instance_id": f"xmp:iid:{uuid5(_NAMES, f'{self.label} {asset_id} {digest}')}",
            "title": asset_id,
            "description": f"SHA-256 {digest}",
            "relationship": relationship,
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """What an attempt's images come from."""

    ingredients: tuple[Ingredient, ...] = ()
    render: RenderInfo | None = None
    not_carried: frozenset[int] = frozenset()
    """Indices of those ingredients whose pixels aren't in the images, even where these are composites."""

    def noted(self, about: Ingredient, code: str) -> "Origin":
        """The same, as a note of that code about one of the ingredients has it."""
        if code == NOT_USED:
            left = tuple(one for one in self.ingredients if one.index != about.index)
            return replace(self, ingredients=left)
        if code == NOT_CARRIED:
            return replace(self, not_carried=self.not_carried | {about.index})
        return self

    def related(self, source_type: SourceType) -> list[tuple[Ingredient, Relationship]]:
        """What each ingredient is to an image of that type."""
        return [(one, self._relationship(one, source_type)) for one in self.ingredients]

    def _relationship(self, one: Ingredient, source_type: SourceType) -> Relationship:
        is_carried = source_type is SourceType.COMPOSITE and one.index not in self.not_carried
        return "componentOf" if is_carried else "inputTo"


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed: the SDK's manifest definition, and archives of those ingredients that have marks."""

    definition: dict[str, Any]
    source_type: SourceType = SourceType.GENERATED
    archives: tuple[bytes, ...] = ()


def statement(job: Job, picture: Picture, origin: Origin) -> Statement:
    """What is signed about a picture.

    The same image has the same instance id, whichever attempt stored it. The manifest's own label is the
    SDK's, and new each time: it names one signing.
    """
    asset_id = asset_id_of(job.job_id, picture.shot)
    agent = {"name": "likeness", "version": likeness_version()}
    related = origin.related(picture.source_type)
    actions = _actions(related, picture.source_type, agent)
    kind = picture.kind
    definition = {
        "claim_generator_info": [agent],
        "title": picture.shot if kind == "image" else f"{picture.shot} ({kind})",
        "instance_id": f"xmp:iid:{uuid5(_NAMES, f'{asset_id} {kind}')}",
        # The others come with their marks, as archives.
        "ingredients": [one.definition(relationship) for one, relationship in related if not one.marks],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}, "created": True},
            {"label": RENDER_ASSERTION, "data": _render(job, picture, asset_id, origin), "created": True},
        ],
    }
    archives = tuple(one.marks[relationship] for one, relationship in related if one.marks)
    return Statement(definition, picture.source_type, archives)


def _actions(
    related: list[tuple[Ingredient, Relationship]], source_type: SourceType, agent: dict[str, str]
) -> list[dict[str, Any]]:
    """How the picture came to be. An ingredient that is a part of it was placed, as C2PA calls it."""
    created = {
        "action": "c2pa.created",
        "digitalSourceType": source_type.value,
        "softwareAgent": agent,
        "parameters": {"ingredientIds": [one.label for one, _ in related]},
    }
    parts = [one.label for one, relationship in related if relationship == "componentOf"]
    if not parts:
        # C2PA refuses a placing of nothing.
        return [created]
    placed = {"action": "c2pa.placed", "softwareAgent": agent, "parameters": {"ingredientIds": parts}}
    return [created, placed]


def _render(job: Job, picture: Picture, asset_id: str, origin: Origin) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "jobId": job.job_id,
        "assetId": asset_id,
        "shot": picture.shot,
        # 63 bits, which readers that take JSON's numbers for floats would round.
        "seed": str(picture.seed),
        "references": [one.reference.to_data() for one in origin.ingredients],
    }
    if origin.render:
        render = origin.render
        facts |= {
            "profile": render.profile,
            "pipeline": render.pipeline,
            "steps": render.steps,
            "weights": [used.to_data() for used in render.weights],
            "versions": render.versions,
        }
    return facts
