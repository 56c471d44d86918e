"""Adds a sample persona to a database, to try things with."""

from collections.abc import Mapping
from datetime import UTC, datetime

from api.rows.database import Database
from api.rows.rows import bind, described_by
from api.rows.tables import AssetRow, InfluencerRow, ProjectRow
from models.influencer import Influencer


def seed(
    database: Database, organisation: str, persona: Influencer, assets: Mapping[str, tuple[str, str]]
) -> None:
    """Adds a persona with its project and reference images under their own ids, where they are missing. `assets`
    gives each asset id its object's key and URL. A known asset gets the new URL."""
    now = datetime.now(UTC)
    with database.write() as session:
        if session.get(ProjectRow, persona.project_id) is None:
            session.add(
                ProjectRow(
                    project_id=persona.project_id,
                    organisation=organisation,
                    document='{"name":"Samples"}',
                    created_at=now,
                )
            )
            session.flush()
        for asset_id, (key, url) in assets.items():
            session.merge(
                AssetRow(
                    asset_id=asset_id,
                    project_id=persona.project_id,
                    url=url,
                    object_key=key,
                    created_at=now,
                )
            )
        session.flush()
        if session.get(InfluencerRow, (organisation, persona.influencer_id)) is None:
            row = InfluencerRow(
                organisation=organisation,
                influencer_id=persona.influencer_id,
                project_id=persona.project_id,
                status="draft",
                document=described_by(persona),
                created_at=now,
                updated_at=now,
            )
            session.add(row)
            session.flush()
            bind(session, row, assets, now)
