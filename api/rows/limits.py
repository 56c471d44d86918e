"""Limits on what one organisation may have: projects, influencers, webhook secrets, and uploads that it began."""

from typing import Any, Literal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.rows.tables import AssetRow, InfluencerRow, ProjectRow, UploadRow, WebhookSecretRow
from api.settings import ApiSettings
from models.errors import Conflict

Kind = Literal["projects", "influencers", "uploads", "webhook secrets"]

# A rotation needs two. Each signs every webhook, in one header.
_MOST_SECRETS = 5
# Any number will do, so long as nobody else locks it.
_LOCK = 0x11CF
_ADVICE: dict[Kind, str] = {
    "projects": "Use one that is there, or ask for a higher limit.",
    "influencers": "Delete one, or ask for a higher limit.",
    "uploads": "Finalize one, or wait: one that nobody finalizes is removed after a day.",
    "webhook secrets": "Delete one that no receiver needs any more.",
}


class Limits:
    """The limits of every organisation. They are counted in the database, so that all API processes share them."""

    def __init__(self, settings: ApiSettings) -> None:
        self._most: dict[Kind, int] = {
            "projects": settings.organisation_projects,
            "influencers": settings.organisation_influencers,
            "uploads": settings.organisation_uploads,
            "webhook secrets": _MOST_SECRETS,
        }

    def require_room(self, session: Session, organisation: str, kind: Kind) -> None:
        """Raises Conflict if the organisation is at its limit. Call it in the transaction that adds one."""
        if session.get_bind().dialect.name == "postgresql":
            # A concurrent transaction that adds one waits for this one's end, and counts it. SQLite has one writer
            # anyway.
            session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(organisation))))
        most = self._most[kind]
        some = _owned(kind, organisation).limit(most).subquery()
        if (session.scalar(select(func.count()).select_from(some)) or 0) >= most:
            raise Conflict(
                f"The organisation has {most} {kind}, which is all it may have. {_ADVICE[kind]}",
                subcode="LIMIT_REACHED",
                limit=kind,
                most=most,
            )


def _owned(kind: Kind, organisation: str) -> "Select[Any]":
    """Selects the rows that count."""
    if kind == "projects":
        return select(ProjectRow.project_id).where(ProjectRow.organisation == organisation)
    if kind == "influencers":
        return select(InfluencerRow.influencer_id).where(
            InfluencerRow.organisation == organisation, InfluencerRow.deleted_at.is_(None)
        )
    if kind == "webhook secrets":
        return select(WebhookSecretRow.secret_id).where(WebhookSecretRow.organisation == organisation)
    return (
        select(UploadRow.asset_id)
        .join(ProjectRow, ProjectRow.project_id == UploadRow.project_id)
        .outerjoin(AssetRow, AssetRow.asset_id == UploadRow.asset_id)
        .where(ProjectRow.organisation == organisation, AssetRow.asset_id.is_(None))
    )
