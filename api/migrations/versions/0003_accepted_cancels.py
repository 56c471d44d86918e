"""Cancels that were accepted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("canceled_at", sa.BigInteger(), nullable=True))
