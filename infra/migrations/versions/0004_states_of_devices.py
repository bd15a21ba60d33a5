"""States of devices

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The daily table of times online, offline and stopped."""
    op.create_table(
        "device_states",
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("device_code", sa.Text(), nullable=False),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("project_code", sa.Text(), nullable=True),
        sa.Column("device_kind", sa.Text(), nullable=True),
        sa.Column("interval_s", sa.Integer(), nullable=True),
        sa.Column("last_reading_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("province", "day", "device_code", "began", name=op.f("pk_device_states")),
    )


def downgrade() -> None:
    """Without it."""
    op.drop_table("device_states")
