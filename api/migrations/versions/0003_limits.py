"""What an organisation has is counted."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index(op.f("ix_uploads_project_id"), "uploads", ["project_id"], unique=False)
    op.create_index("influencers_by_end", "influencers", ["organisation", "deleted_at"], unique=False)
