"""A history of every register

Revision ID: 0003
Revises: 0002
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)


def _history(name: str, subject: list[str], *columns: sa.Column[Any]) -> None:
    """A history: the envelope that every record has, the register's own columns, and from when until when it held."""
    table = f"{name}_history"
    op.create_table(
        table,
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("adcode", sa.Text()),
        sa.Column("vendor", sa.Text()),
        sa.Column("project_code", sa.Text(), nullable="project_code" not in subject),
        sa.Column("device_code", sa.Text()),
        sa.Column("observed_at", UTC, nullable=False),
        sa.Column("received_at", UTC, nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("quality_notes", sa.Text()),
        sa.Column("source_topic", sa.Text(), nullable=False),
        sa.Column("source_partition", sa.Integer(), nullable=False),
        sa.Column("source_offset", sa.BigInteger(), nullable=False),
        sa.Column("schema_id", sa.Integer()),
        sa.Column("mapping", sa.Text(), nullable=False),
        *columns,
        sa.Column("valid_from", UTC, nullable=False),
        sa.Column("valid_to", UTC),
        sa.PrimaryKeyConstraint("event_id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_province"), table, ["province", *subject])


def upgrade() -> None:
    """The histories of the registers besides devices and projects."""
    _history(
        "edge_register",
        ["project_code"],
        sa.Column("total_length", sa.Float()),
        sa.Column("standardised_length", sa.Float()),
        sa.Column("length_with_device", sa.Float()),
        sa.Column("total_rails", sa.Integer()),
        sa.Column("standardised_rails", sa.Integer()),
        sa.Column("rails_with_device", sa.Integer()),
        sa.Column("remark", sa.Text()),
    )
    _history(
        "hazardous_work",
        ["project_code", "work_code"],
        sa.Column("work_code", sa.Text(), nullable=False),
        sa.Column("work_name", sa.Text()),
        sa.Column("work_class", sa.Text(), nullable=False),
        sa.Column("over_scale", sa.Boolean()),
        sa.Column("filing_state", sa.Text()),
        sa.Column("filed_at", UTC),
        sa.Column("scheme_state", sa.Text()),
        sa.Column("scheme_approved_at", UTC),
        sa.Column("expert_review_state", sa.Text()),
        sa.Column("reviewed_at", UTC),
        sa.Column("emergency_plan", sa.Text()),
        sa.Column("attachments", sa.Text()),
        sa.Column("monitor_device_codes", sa.Text()),
        sa.Column("place", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("planned_start_at", UTC),
        sa.Column("planned_finish_at", UTC),
        sa.Column("actual_start_at", UTC),
        sa.Column("actual_finish_at", UTC),
        sa.Column("state", sa.Text()),
    )
    _history(
        "interface_registration",
        ["project_code", "interface_no"],
        sa.Column("interface_no", sa.Text(), nullable=False),
        sa.Column("address", sa.Text()),
        sa.Column("verifiable", sa.Boolean()),
        sa.Column("verifiable_from", UTC),
        sa.Column("verifiable_to", UTC),
        sa.Column("remark", sa.Text()),
    )
    _history(
        "machinery",
        ["machine_code"],
        sa.Column("machine_code", sa.Text(), nullable=False),
        sa.Column("machine_name", sa.Text()),
        sa.Column("machine_type", sa.Text(), nullable=False),
        sa.Column("model", sa.Text()),
        sa.Column("manufacturer", sa.Text()),
        sa.Column("serial_no", sa.Text()),
        sa.Column("manufactured_at", UTC),
        sa.Column("property_record_no", sa.Text()),
        sa.Column("property_uscc", sa.Text()),
        sa.Column("property_name", sa.Text()),
        sa.Column("user_uscc", sa.Text()),
        sa.Column("user_name", sa.Text()),
        sa.Column("installer_uscc", sa.Text()),
        sa.Column("installer_name", sa.Text()),
        sa.Column("inspection_state", sa.Text()),
        sa.Column("inspected_at", UTC),
        sa.Column("inspection_valid_to", UTC),
        sa.Column("registration_state", sa.Text()),
        sa.Column("installation_notice_no", sa.Text()),
        sa.Column("installation_notified_at", UTC),
        sa.Column("installed_at", UTC),
        sa.Column("use_registration_no", sa.Text()),
        sa.Column("use_registered_at", UTC),
        sa.Column("use_registration_valid_to", UTC),
        sa.Column("dismantling_notified_at", UTC),
        sa.Column("dismantled_at", UTC),
        sa.Column("in_use_from", UTC),
        sa.Column("in_use_to", UTC),
        sa.Column("monitor_device_code", sa.Text()),
        sa.Column("rated_load", sa.Float()),
        sa.Column("rated_moment", sa.Float()),
        sa.Column("rated_people", sa.Integer()),
        sa.Column("max_radius", sa.Float()),
        sa.Column("jib_length", sa.Float()),
        sa.Column("counter_jib_length", sa.Float()),
        sa.Column("max_height", sa.Float()),
        sa.Column("longitude", sa.Float()),
        sa.Column("latitude", sa.Float()),
        sa.Column("place", sa.Text()),
        sa.Column("operators", sa.Text()),
        sa.Column("state", sa.Text()),
    )
    _history(
        "organization",
        ["project_code", "organization_uscc", "role"],
        sa.Column("organization_uscc", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("organization_name", sa.Text()),
        sa.Column("qualification", sa.Text()),
        sa.Column("qualification_no", sa.Text()),
        sa.Column("qualification_valid_to", UTC),
        sa.Column("safety_permit_no", sa.Text()),
        sa.Column("safety_permit_valid_to", UTC),
        sa.Column("entered_at", UTC),
        sa.Column("exited_at", UTC),
        sa.Column("state", sa.Text()),
    )
    _history(
        "risk_point",
        ["project_code", "risk_code"],
        sa.Column("risk_code", sa.Text(), nullable=False),
        sa.Column("risk_name", sa.Text()),
        sa.Column("activity", sa.Text()),
        sa.Column("place", sa.Text()),
        sa.Column("accident_class", sa.Text()),
        sa.Column("risk_level", sa.Text(), nullable=False),
        sa.Column("risk_score", sa.Float()),
        sa.Column("measures", sa.Text()),
        sa.Column("control_level", sa.Text()),
        sa.Column("responsible_person_id", sa.Text()),
        sa.Column("organization_uscc", sa.Text()),
        sa.Column("work_code", sa.Text()),
        sa.Column("stated_valid_from", UTC),
        sa.Column("stated_valid_to", UTC),
        sa.Column("state", sa.Text()),
    )
    _history(
        "team",
        ["project_code", "team_code"],
        sa.Column("team_code", sa.Text(), nullable=False),
        sa.Column("team_name", sa.Text()),
        sa.Column("organization_uscc", sa.Text()),
        sa.Column("organization_name", sa.Text()),
        sa.Column("leader_person_id", sa.Text()),
        sa.Column("trade", sa.Text()),
        sa.Column("people", sa.Integer()),
        sa.Column("entered_at", UTC),
        sa.Column("exited_at", UTC),
        sa.Column("state", sa.Text()),
    )
    _history(
        "worker",
        ["project_code", "person_id"],
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("post", sa.Text()),
        sa.Column("trade", sa.Text()),
        sa.Column("team_code", sa.Text()),
        sa.Column("team_name", sa.Text()),
        sa.Column("organization_uscc", sa.Text()),
        sa.Column("organization_name", sa.Text()),
        sa.Column("qr_code", sa.Text()),
        sa.Column("skill_level", sa.Text()),
        sa.Column("performance", sa.Text()),
        sa.Column("certificates", sa.Text()),
        sa.Column("entered_at", UTC),
        sa.Column("exited_at", UTC),
        sa.Column("state", sa.Text()),
        sa.Column("birth_year", sa.Integer()),
        sa.Column("home_adcode", sa.Text()),
        sa.Column("sex", sa.Text()),
    )


def downgrade() -> None:
    """Devices and projects only."""
    for name in (
        "worker",
        "team",
        "risk_point",
        "organization",
        "machinery",
        "interface_registration",
        "hazardous_work",
        "edge_register",
    ):
        op.drop_table(f"{name}_history")
