"""Who and what an event is (事件标识): its natural key, and the key it is partitioned by."""

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from pipelines.contract import CanonicalKind


def event_id(province: str, kind: "CanonicalKind") -> pl.Expr:
    """`<province>:<kind>:<subject>:<observed_at ms>[:<discriminator>…]`, in plain text.

    Only the subject may hold a colon itself and the number of the other parts is fixed, so two events never share one.
    """
    return pl.concat_str(
        pl.lit(f"{province}:{kind.name}"),
        pl.col(kind.subject),
        pl.col("observed_at").dt.epoch("ms"),
        *kind.discriminator,
        separator=":",
    ).alias("event_id")


def canonical_keys(frame: pl.DataFrame, kind: "CanonicalKind") -> list[bytes]:
    """Kafka key of each canonical row, `<province>:<subject>` in UTF-8: one thing's events stay in one partition."""
    keys = frame.select_seq(pl.concat_str("province", kind.subject, separator=":").cast(pl.Binary)).to_series()
    return keys.to_list()
