"""Malformed uploads by vendor and reason."""

from __future__ import annotations

import polars as pl

from pipelines.dust.rejected import rejected_counts


def test_uploads_are_counted_by_vendor_reason_and_field() -> None:
    """What is not known is an empty text, so that every upload is in exactly one row."""
    row = {"province": "jiangsu", "day": "2026-03-02", "vendor": "acme", "kind": "dust-reading"}
    frame = pl.DataFrame(
        [
            row | {"reason": "bad_time", "field": "observed_at"},
            row | {"reason": "bad_time", "field": "observed_at"},
            row | {"vendor": None, "reason": "empty", "field": None},
        ]
    )
    counted = rejected_counts(frame)
    assert counted.select("vendor", "reason", "field", "count").rows() == [
        ("", "empty", "", 1),
        ("acme", "bad_time", "observed_at", 2),
    ]
    assert rejected_counts(frame.clear()).is_empty()
