"""Webhook secrets of organisations: their names, since the secrets themselves are derived."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "webhook_secrets",
        sa.Column("secret_id", sa.String(length=128), nullable=False),
        sa.Column("organisation", sa.String(length=128), nullable=False),
        sa.Column("master", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("secret_id"),
    )
    op.create_index(
        op.f("ix_webhook_secrets_organisation"), "webhook_secrets", ["organisation"], unique=False
    )
