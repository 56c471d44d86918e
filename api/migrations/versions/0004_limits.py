"""Indexes to count what an organisation has, and to find jobs to cancel, however many jobs wait."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index(op.f("ix_uploads_project_id"), "uploads", ["project_id"], unique=False)
    op.create_index("influencers_by_end", "influencers", ["organisation", "deleted_at"], unique=False)
    op.create_index("jobs_to_cancel", "jobs", ["landed_at", "canceled_at"], unique=False)
