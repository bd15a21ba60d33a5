"""The gold tables

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The gold tables."""
    op.create_table(
        "device_history",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("adcode", sa.Text(), nullable=True),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("project_code", sa.Text(), nullable=True),
        sa.Column("device_code", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("quality_notes", sa.Text(), nullable=True),
        sa.Column("source_topic", sa.Text(), nullable=False),
        sa.Column("source_partition", sa.Integer(), nullable=False),
        sa.Column("source_offset", sa.BigInteger(), nullable=False),
        sa.Column("schema_id", sa.Integer(), nullable=True),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("device_name", sa.Text(), nullable=True),
        sa.Column("device_kind", sa.Text(), nullable=True),
        sa.Column("device_vendor", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("serial_no", sa.Text(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("has_ai", sa.Boolean(), nullable=True),
        sa.Column("has_auto_suppression", sa.Boolean(), nullable=True),
        sa.Column("has_alarm", sa.Boolean(), nullable=True),
        sa.Column("expected_interval_s", sa.Integer(), nullable=True),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calibrated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_device_history")),
    )
    with op.batch_alter_table("device_history", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_history_province"), ["province", "device_code"], unique=False)

    op.create_table(
        "dust_daily",
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("device_code", sa.Text(), nullable=False),
        sa.Column("project_code", sa.Text(), nullable=True),
        sa.Column("pm2_5", sa.Float(), nullable=True),
        sa.Column("pm2_5_hours", sa.Integer(), nullable=True),
        sa.Column("pm2_5_valid", sa.Boolean(), nullable=True),
        sa.Column("pm2_5_reported", sa.Float(), nullable=True),
        sa.Column("pm10", sa.Float(), nullable=True),
        sa.Column("pm10_hours", sa.Integer(), nullable=True),
        sa.Column("pm10_valid", sa.Boolean(), nullable=True),
        sa.Column("pm10_reported", sa.Float(), nullable=True),
        sa.Column("tsp", sa.Float(), nullable=True),
        sa.Column("tsp_hours", sa.Integer(), nullable=True),
        sa.Column("tsp_valid", sa.Boolean(), nullable=True),
        sa.Column("tsp_reported", sa.Float(), nullable=True),
        sa.Column("noise_day", sa.Float(), nullable=True),
        sa.Column("noise_day_hours", sa.Integer(), nullable=True),
        sa.Column("noise_night", sa.Float(), nullable=True),
        sa.Column("noise_night_hours", sa.Integer(), nullable=True),
        sa.Column("aqi", sa.Integer(), nullable=True),
        sa.Column("primary_pollutant", sa.Text(), nullable=True),
        sa.Column("aqi_standard", sa.Text(), nullable=True),
        sa.Column("readings", sa.Integer(), nullable=True),
        sa.Column("duplicates", sa.Integer(), nullable=True),
        sa.Column("mapping", sa.Text(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("province", "day", "subject", "device_code", name=op.f("pk_dust_daily")),
    )
    op.create_table(
        "exceedance",
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("device_code", sa.Text(), nullable=False),
        sa.Column("limit_id", sa.Text(), nullable=False),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=False),
        sa.Column("project_code", sa.Text(), nullable=True),
        sa.Column("parameter", sa.Text(), nullable=True),
        sa.Column("averaging", sa.Text(), nullable=True),
        sa.Column("judgement", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("reference_value", sa.Float(), nullable=True),
        sa.Column("limit_value", sa.Float(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("standard", sa.Text(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("province", "day", "device_code", "limit_id", "began", name=op.f("pk_exceedance")),
    )
    op.create_table(
        "landed_offset",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_landed_offset")),
    )
    op.create_table(
        "project_history",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("adcode", sa.Text(), nullable=True),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("project_code", sa.Text(), nullable=False),
        sa.Column("device_code", sa.Text(), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("quality_notes", sa.Text(), nullable=True),
        sa.Column("source_topic", sa.Text(), nullable=False),
        sa.Column("source_partition", sa.Integer(), nullable=False),
        sa.Column("source_offset", sa.BigInteger(), nullable=False),
        sa.Column("schema_id", sa.Integer(), nullable=True),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("project_name", sa.Text(), nullable=True),
        sa.Column("project_type", sa.Text(), nullable=True),
        sa.Column("permit_no", sa.Text(), nullable=True),
        sa.Column("supervision_no", sa.Text(), nullable=True),
        sa.Column("supervision_org", sa.Text(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("owner_name", sa.Text(), nullable=True),
        sa.Column("owner_uscc", sa.Text(), nullable=True),
        sa.Column("contractor_name", sa.Text(), nullable=True),
        sa.Column("contractor_uscc", sa.Text(), nullable=True),
        sa.Column("supervisor_name", sa.Text(), nullable=True),
        sa.Column("supervisor_uscc", sa.Text(), nullable=True),
        sa.Column("area_m2", sa.Float(), nullable=True),
        sa.Column("cost_yuan", sa.Float(), nullable=True),
        sa.Column("planned_start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned_finish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actual_start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actual_finish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("phase", sa.Text(), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_funded", sa.Boolean(), nullable=True),
        sa.Column("modules_chosen", sa.Text(), nullable=True),
        sa.Column("demo_area", sa.Text(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_project_history")),
    )
    with op.batch_alter_table("project_history", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_project_history_province"), ["province", "project_code"], unique=False)

    op.create_table(
        "rejected_daily",
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("province", "day", "vendor", "kind", "reason", "field", name=op.f("pk_rejected_daily")),
    )
    op.create_table(
        "station_reference",
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("device_code", sa.Text(), nullable=False),
        sa.Column("parameter", sa.Text(), nullable=False),
        sa.Column("project_code", sa.Text(), nullable=True),
        sa.Column("station_code", sa.Text(), nullable=True),
        sa.Column("station_name", sa.Text(), nullable=True),
        sa.Column("distance_km", sa.Float(), nullable=True),
        sa.Column("hours", sa.Integer(), nullable=True),
        sa.Column("site_mean", sa.Float(), nullable=True),
        sa.Column("station_mean", sa.Float(), nullable=True),
        sa.Column("deviation", sa.Float(), nullable=True),
        sa.Column("deviation_percent", sa.Float(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("province", "day", "device_code", "parameter", name=op.f("pk_station_reference")),
    )
    op.create_table(
        "upload_rate_daily",
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("device_code", sa.Text(), nullable=False),
        sa.Column("project_code", sa.Text(), nullable=True),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("adcode", sa.Text(), nullable=True),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("received", sa.Integer(), nullable=True),
        sa.Column("valid", sa.Integer(), nullable=True),
        sa.Column("on_time", sa.Integer(), nullable=True),
        sa.Column("late", sa.Integer(), nullable=True),
        sa.Column("hours_expected", sa.Integer(), nullable=True),
        sa.Column("hours_returned", sa.Integer(), nullable=True),
        sa.Column("online_minutes", sa.Integer(), nullable=True),
        sa.Column("in_service_minutes", sa.Integer(), nullable=True),
        sa.Column("mapping", sa.Text(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("province", "day", "device_code", name=op.f("pk_upload_rate_daily")),
    )


def downgrade() -> None:
    """Back to an empty database."""
    op.drop_table("upload_rate_daily")
    op.drop_table("station_reference")
    op.drop_table("rejected_daily")
    with op.batch_alter_table("project_history", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_project_history_province"))

    op.drop_table("project_history")
    op.drop_table("landed_offset")
    op.drop_table("exceedance")
    op.drop_table("dust_daily")
    with op.batch_alter_table("device_history", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_history_province"))

    op.drop_table("device_history")
