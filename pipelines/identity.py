"""Who and what an event is (事件标识): its natural key, and the key it is partitioned by."""

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from pipelines.contract import CanonicalKind, Field


def event_id(province: str, kind: "CanonicalKind") -> pl.Expr:
    """`<province>:<kind>:<subject>:<observed_at ms>[:<discriminator>…]`, in plain text.

    Only the subject may hold a colon itself and the number of the other parts is fixed, so two events never share one.
    A discriminator that the upload lacks is empty; in one without closed list a colon is written %3A (% itself %25).
    """
    return pl.concat_str(
        pl.lit(f"{province}:{kind.name}"),
        subject(kind),
        pl.col("observed_at").dt.epoch("ms"),
        *(_discriminator(kind.by_name[name]) for name in kind.discriminator),
        separator=":",
    ).alias("event_id")


def _discriminator(field: "Field") -> pl.Expr:
    said = pl.col(field.name)
    if not field.symbols:
        said = said.str.replace_all("%", "%25", literal=True).str.replace_all(":", "%3A", literal=True)
    return said if field.never_null else said.fill_null("")


def canonical_keys(frame: pl.DataFrame, kind: "CanonicalKind") -> list[bytes]:
    """Kafka key of each canonical row, `<province>:<subject>` in UTF-8: one thing's events stay in one partition."""
    keys = frame.select_seq(pl.concat_str("province", subject(kind), separator=":").cast(pl.Binary)).to_series()
    return keys.to_list()


def subject(kind: "CanonicalKind") -> pl.Expr:
    """The thing whose event it is: one field, or several as `<project_code>/<work_code>`.

    A slash in any part but the last is written %2F (and % itself %25), so that two things never share a text.
    """
    *first, last = kind.subject
    parts = [
        pl.col(name).str.replace_all("%", "%25", literal=True).str.replace_all("/", "%2F", literal=True)
        for name in first
    ]
    return pl.concat_str(*parts, last, separator="/") if parts else pl.col(last)
