"""Starts jobs: each is recorded in the transaction that asks for it, and submitted once that is committed."""

from typing import Any

from sqlalchemy.orm import Session

from api.documents import RenderReferences, StartedJob
from api.rows.rows import document_of, now
from api.rows.tables import InfluencerRow, JobRow
from api.settings import ApiSettings
from models.errors import Conflict, ContentRefused, InvalidInput, InvalidSettings
from models.influencer import Influencer
from models.job import Job
from models.rules import broken_age_rule
from worker.base.settings import DEFAULT_TIER, Settings
from worker.client import plan_create


def record_job(session: Session, row: InfluencerRow, job: Job) -> StartedJob:
    """Adds a row for the influencer's job. Returns the document to answer with."""
    session.add(
        JobRow(
            job_id=job.job_id,
            organisation=row.organisation,
            project_id=row.project_id,
            influencer_id=row.influencer_id,
            kind=job.kind,
            message=job.to_json(),
            created_at=now(),
        )
    )
    return StartedJob(
        job_id=job.job_id,
        kind=job.kind,
        status="running",
        influencer_id=row.influencer_id,
        location_url=location_of(job.job_id),
    )


def location_of(job_id: str) -> str:
    """The path of a job's record."""
    return f"/v1/jobs/{job_id}"


def refuse_while_rendering(row: InfluencerRow) -> None:
    """Raises Conflict if the influencer's images are still being rendered."""
    if row.status in ("pending", "training"):
        raise Conflict(
            "The influencer's images are being rendered. Wait for its job.",
            subcode="RENDER_UNDER_WAY",
            status=row.status,
        )


def require_adult(age_range: str | None, path: str = "ageRange") -> None:
    """Raises InvalidInput, which names the field, for the ages of people who aren't rendered."""
    if broken := broken_age_rule(path, age_range):
        raise broken.as_input_error()


def refuse_stored_age(influencer: Influencer) -> None:
    """Raises Conflict for a row of before there was the rule for ages."""
    if broken := broken_age_rule("ageRange", influencer.age_range):
        raise Conflict(
            f"The influencer's ageRange is refused: {broken.reason}. If it is an adult, PATCH the influencer with "
            "another one, or with null.",
            subcode=ContentRefused.code,
        )


def plan_first_images(session: Session, row: InfluencerRow, asked: RenderReferences | None = None) -> Job:
    """Plans the job that renders a persona's first reference images, and sets the row to pending.

    The job may complete with some of the images, which are better than none. Raises InvalidInput for shots that
    can't be rendered.
    """
    row.status, row.updated_at = "pending", now()
    asked = asked or RenderReferences()
    return plan_create(
        document_of(session, row),
        asked.shots,
        accept_partial=True,
        callback_url=asked.callback_url,
        expires_at=asked.expires_at,
        organisation=row.organisation,
        tier=asked.tier,
    )


class TierChoice:
    """The tiers that organisations may choose for their jobs, by the settings."""

    def __init__(self, settings: Settings, api_settings: ApiSettings) -> None:
        """Raises InvalidSettings for a tier that there isn't."""
        self._of = api_settings.organisation_tiers
        known = {*settings.tiers, DEFAULT_TIER}
        if unknown := sorted({tier for tiers in self._of.values() for tier in tiers} - known):
            raise InvalidSettings(
                f"LIKENESS_ORGANISATION_TIERS: {', '.join(unknown)} is neither in LIKENESS_TIERS nor "
                f"{DEFAULT_TIER}."
            )

    def require(self, organisation: str, tier: str | None) -> None:
        """Raises InvalidInput for a tier that the organisation may not choose. It learns of no other's."""
        mine = self._of.get(organisation, ())
        if tier is None or tier in mine:
            return
        reason = (
            f"choose from: {', '.join(mine)}" if mine else "the organisation can't choose one: leave it out"
        )
        raise InvalidInput(f"tier: {reason}.", fields=[{"path": "tier", "reason": reason}])

    def permitted(self, organisation: str, message: dict[str, Any]) -> dict[str, Any]:
        """A job's message without a tier that the organisation may not choose any more."""
        may = message.get("tier") in self._of.get(organisation, ())
        return message if may else {name: value for name, value in message.items() if name != "tier"}
