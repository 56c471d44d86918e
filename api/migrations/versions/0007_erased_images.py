"""Which deleted influencers' images are to be deleted as well, and which are."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("influencers", sa.Column("erase_at", sa.BigInteger(), nullable=True))
    op.add_column("influencers", sa.Column("erasing", sa.Text(), nullable=True))
    op.add_column("influencers", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    op.create_index("influencers_to_erase", "influencers", ["erase_at"], unique=False)
