"""Malformed uploads (不合格上传) by vendor and reason: the rows of rejected_daily."""

import polars as pl


def rejected_counts(quarantine: pl.DataFrame) -> pl.DataFrame:
    """Quarantined uploads counted by province, day of receipt, vendor, kind, reason and field ('' where not known)."""
    keys = ["province", "day", "vendor", "kind", "reason", "field"]
    return (
        quarantine.with_columns(pl.col(keys).cast(pl.String).fill_null(""))
        .group_by(keys)
        .agg(count=pl.len().cast(pl.Int64))
        .sort(keys)
    )
