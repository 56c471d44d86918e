"""The rules that a job must keep, decided by what it says alone: no model, no word lists.

Free text (hair, style, vibe, ethnicity) isn't searched for words: whoever means to gets round any list at once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from models.ages import AgeRule, age_fault
from models.errors import ContentRefused, InvalidInput
from models.job import CloneJob, CreateJob, Job
from models.reference_origin import ReferencePolicy

Rule = AgeRule | Literal["origin-not-stated"]


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """The rule that is broken, the path of the field that breaks it, and what to do about it."""

    rule: Rule
    path: str
    reason: str

    def as_input_error(self) -> InvalidInput:
        """The error for whoever asks for it."""
        return InvalidInput(f"{self.path}: {self.reason}.", subcode=ContentRefused.code, fields=self._fields)

    def as_refusal(self) -> ContentRefused:
        """The error of a job that a worker has."""
        return ContentRefused(
            f"The job is refused by rule: {self.path}: {self.reason}.", rule=self.rule, fields=self._fields
        )

    @property
    def _fields(self) -> list[dict[str, str]]:
        return [{"path": self.path, "reason": self.reason}]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for jobs in one place. A producer keeps the strictest, since it can't know who renders its job."""

    reads_text: bool = True
    """Whether images are rendered from text, such as a prompt. Where they aren't, an `ageRange` that nobody can
    read does nothing, and passes."""
    references: ReferencePolicy = "any"
    """`stated`: a job with references must state whose face they show. `marked` is decided by the references."""

    def broken_by(self, job: Job) -> BrokenRule | None:
        """The first rule that the job breaks."""
        for path, age_range in _age_ranges(job).items():
            broken = broken_age_rule(path, age_range)
            if broken and (self.reads_text or broken.rule != "age-unreadable"):
                return broken
        return _origin_rule(job) if self.references == "stated" else None


def _origin_rule(job: Job) -> BrokenRule | None:
    """The rule that is broken by a job that doesn't say whose face its references show."""
    has_references = bool(getattr(job, "references", ()))
    if not has_references or job.reference_origin_at(datetime.now(UTC)):
        return None
    return BrokenRule(
        "origin-not-stated",
        "overrides.referenceOrigin",
        "jobs here must state whose face their references show; state it here or with the source, as "
        '{"kind": "synthetic"} or {"kind": "consented"}',
    )


def broken_age_rule(path: str, age_range: str | None) -> BrokenRule | None:
    """The rule that the `ageRange` at this path breaks."""
    fault = age_fault(age_range)
    return BrokenRule(fault.rule, path, fault.reason) if fault else None


def _age_ranges(job: Job) -> dict[str, str | None]:
    """The ages that the job states, by their paths. An override doesn't make up for the source's."""
    match job:
        case CloneJob():
            return {"source.ageRange": job.source.age_range, "overrides.ageRange": job.overrides.age_range}
        case CreateJob():
            return {"persona.ageRange": job.persona.age_range}
        case _:
            return {"ageRange": job.appearance.age_range}
