"""The statement that is signed about an image: how it was made, from what, and for which job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from models.derived import asset_id_of
from models.job import Job
from models.manifest import RenderInfo, UsedReference
from models.record import NOT_CARRIED, NOT_USED
from models.safety import SafetyReading
from models.source_type import SourceType
from models.watermark import HiddenNumber
from worker.base.version import likeness_version

RENDER_ASSERTION = "org.likeness.render"
"""The label of our own assertion."""

SOFT_BINDING_ASSERTION = "c2pa.soft-binding"
"""The label of C2PA's assertion that a watermark leads to the statement."""

Kind = Literal["image", "thumbnail", "evidence"]
"""The role of a shot's picture in its job. Evidence is a try that missed the likeness."""

Relationship = Literal["inputTo", "componentOf"]
"""C2PA's relationship of an ingredient to a picture: an input of the model, or a part of the picture."""

_NAMES = UUID("3f2b1c52-7a0e-4c86-9d0b-8e5b4a1d6c77")


@dataclass(frozen=True, slots=True)
class Picture:
    """The facts to state about a picture of a shot."""

    shot: str
    seed: int
    source_type: SourceType = SourceType.GENERATED
    kind: Kind = "image"
    safety: SafetyReading | None = None
    """The safety gate's. None: nobody looked."""
    hidden: HiddenNumber | None = None
    """The number in its pixels."""


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A reference that conditioned the images. `marks` holds the C2PA manifests that came with it, if any, as
    archives made by `worker.mark.kept`; `index` is its place among the job's references."""

    index: int
    reference: UsedReference
    marks: Mapping[Relationship, bytes] = field(default_factory=dict)
    """An archive contains its relationship, so there is one for each."""

    @property
    def label(self) -> str:
        return f"reference-{self.index}"

    @property
    def marks_size(self) -> int:
        """The bytes that its marks take up in an image: those of one archive."""
        return max(map(len, self.marks.values()), default=0)

    def definition(self, relationship: Relationship) -> dict[str, Any]:
        """The SDK's form of it. It names asset id and hash, never a key or URL, since images are public."""
        asset_id, digest = self.reference.asset_id, self.reference.sha256
        return {
            "label": self.label,
            # Without it, the SDK would take the id in the reference's own XMP, or draw one.
            "instance_id": f"xmp:iid:{uuid5(_NAMES, f'{self.label} {asset_id} {digest}')}",
            "title": asset_id,
            "description": f"SHA-256 {digest}",
            "relationship": relationship,
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """What an attempt's images are made from."""

    ingredients: tuple[Ingredient, ...] = ()
    render: RenderInfo | None = None
    not_carried: frozenset[int] = frozenset()
    """Indices of the ingredients whose pixels aren't in the images, even if these are composites."""

    def noted(self, about: Ingredient, code: str) -> "Origin":
        """The origin, adjusted to a note with this code about one of the ingredients."""
        if code == NOT_USED:
            left = tuple(one for one in self.ingredients if one.index != about.index)
            return replace(self, ingredients=left)
        if code == NOT_CARRIED:
            return replace(self, not_carried=self.not_carried | {about.index})
        return self

    def related(self, source_type: SourceType) -> list[tuple[Ingredient, Relationship]]:
        """Each ingredient, with its relationship to an image of this type."""
        return [(one, self._relationship(one, source_type)) for one in self.ingredients]

    def _relationship(self, one: Ingredient, source_type: SourceType) -> Relationship:
        is_carried = source_type is SourceType.COMPOSITE and one.index not in self.not_carried
        return "componentOf" if is_carried else "inputTo"


@dataclass(frozen=True, slots=True)
class Statement:
    """The content to sign: the SDK's manifest definition, and archives of the ingredients that have marks."""

    definition: dict[str, Any]
    source_type: SourceType = SourceType.GENERATED
    archives: tuple[bytes, ...] = ()


def statement(job: Job, picture: Picture, origin: Origin) -> Statement:
    """Builds the statement about a picture.

    The same image has the same instance id, whichever attempt stored it. The SDK gives the manifest a new label
    each time: it names one signing.
    """
    asset_id = asset_id_of(job.job_id, picture.shot)
    agent = {"name": "likeness", "version": likeness_version()}
    related = origin.related(picture.source_type)
    actions = _actions(related, picture.source_type, agent, watermarked=picture.hidden is not None)
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
            *([_soft_binding(picture.hidden)] if picture.hidden else []),
        ],
    }
    archives = tuple(one.marks[relationship] for one, relationship in related if one.marks)
    return Statement(definition, picture.source_type, archives)


def sheet_statement(title: str, parts: Sequence[Ingredient]) -> Statement:
    """Builds the statement about a sheet that shows AI-made images, `parts`, beside others. Without parts, it says
    only what the sheet is made of."""
    agent = {"name": "likeness", "version": likeness_version()}
    related: list[tuple[Ingredient, Relationship]] = [(one, "componentOf") for one in parts]
    definition = {
        "claim_generator_info": [agent],
        "title": title,
        "ingredients": [one.definition(relationship) for one, relationship in related],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": _actions(related, SourceType.COMPOSITE, agent)},
                "created": True,
            }
        ],
    }
    return Statement(definition, SourceType.COMPOSITE)


def _soft_binding(hidden: HiddenNumber) -> dict[str, Any]:
    """C2PA's assertion that the pixels lead to this statement. Its one block, without a scope, is of the whole
    picture."""
    blocks = [{"scope": {}, "value": hidden.as_bound()}]
    data = {"alg": hidden.algorithm, "blocks": blocks}
    return {"label": SOFT_BINDING_ASSERTION, "data": data, "created": True}


def _actions(
    related: list[tuple[Ingredient, Relationship]],
    source_type: SourceType,
    agent: dict[str, str],
    *,
    watermarked: bool = False,
) -> list[dict[str, Any]]:
    """The actions that made the picture. C2PA says of an ingredient that is part of it that it was placed."""
    created: dict[str, Any] = {
        "action": "c2pa.created",
        "digitalSourceType": source_type.value,
        "softwareAgent": agent,
        "parameters": {"ingredientIds": [one.label for one, _ in related]},
    }
    parts = [one.label for one, relationship in related if relationship == "componentOf"]
    actions = [created]
    # C2PA refuses to place nothing.
    if parts:
        placed = {"action": "c2pa.placed", "softwareAgent": agent, "parameters": {"ingredientIds": parts}}
        actions.append(placed)
    if watermarked:
        # C2PA wants a soft binding in the same statement.
        actions.append({"action": "c2pa.watermarked.bound", "softwareAgent": agent})
    return actions


def _render(job: Job, picture: Picture, asset_id: str, origin: Origin) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "jobId": job.job_id,
        "assetId": asset_id,
        "shot": picture.shot,
        # It has 63 bits: readers that parse JSON's numbers as floats would round it.
        "seed": str(picture.seed),
        "references": [one.reference.to_data() for one in origin.ingredients],
    }
    if stated := job.reference_origin_at(datetime.now(UTC)):
        facts["referenceOrigin"] = stated.to_data()
    if picture.safety:
        facts["safety"] = picture.safety.to_data()
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
