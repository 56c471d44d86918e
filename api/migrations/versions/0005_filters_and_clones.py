"""Columns that lists filter by: a job's kind and status, and the source of an influencer that is a clone.

Rows that are there already, and those that the previous version still writes, get them by `api.rows.backfill`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("kind", sa.String(length=128), nullable=True))
    op.add_column("jobs", sa.Column("status", sa.String(length=128), nullable=True))
    op.add_column("influencers", sa.Column("source_influencer_id", sa.String(length=128), nullable=True))
    for name in ("influencer_id", "kind", "status"):
        op.create_index(
            f"jobs_by_{name.removesuffix('_id')}",
            "jobs",
            ["organisation", name, "created_at", "job_id"],
            unique=False,
        )
    op.create_index(
        "influencers_by_source",
        "influencers",
        ["organisation", "source_influencer_id", "created_at", "influencer_id"],
        unique=False,
    )
    unfilled = sa.text("kind IS NULL OR (status IS NULL AND landed_at IS NOT NULL)")
    op.create_index(
        "jobs_unfilled",
        "jobs",
        ["job_id"],
        unique=False,
        sqlite_where=unfilled,
        postgresql_where=unfilled,
    )
