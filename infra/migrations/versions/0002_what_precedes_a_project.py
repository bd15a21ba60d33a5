"""What precedes a project: award, drawing review, permit, filing for supervision

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The columns of the project register."""
    with op.batch_alter_table("project_history", schema=None) as batch_op:
        batch_op.add_column(sa.Column("bid_notice_no", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("drawing_review_no", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("permit_issued_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("supervision_filing_state", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("supervision_filed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Without them."""
    with op.batch_alter_table("project_history", schema=None) as batch_op:
        batch_op.drop_column("supervision_filed_at")
        batch_op.drop_column("supervision_filing_state")
        batch_op.drop_column("permit_issued_at")
        batch_op.drop_column("drawing_review_no")
        batch_op.drop_column("bid_notice_no")
