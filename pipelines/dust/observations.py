"""One reading per observation (同一观测只计一次): what several uploads of one device and time say together.

A device may send its parameters in separate messages, amend a value, or send a message twice. For each parameter the
latest upload that says something of it holds: a value, or a note why there is none. An upload of which a later one
says something else, or that says nothing, is a duplicate (重复); a message of other parameters is not. Uploads of a
certain time put those with the note `observed_at=twelve_hours` aside, which tell of another time and only seem to be
of this one.
"""

from collections.abc import Mapping
from functools import reduce
from operator import or_

import polars as pl

from pipelines.screening import GOOD, level_of

OBSERVATION = ("device_code", "observed_at")
AGE = ("received_at", "source_topic", "source_partition", "source_offset")
PLACE = ("longitude", "latitude")


def distinct(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per device and time, sorted, with `duplicates`, the number of uploads that were superseded.

    Values, quality_notes, quality and mapping are those of the uploads that hold, all else of the last upload.
    """
    return held(in_order(frame))


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """All uploads by device and time, with the whole number `observation`: the same for the same device and time.

    One number is sorted and compared ten times as fast as a text and a time.
    """
    if frame.is_empty():
        return frame.with_columns(observation=pl.lit(None, pl.Int64))
    devices = pl.Enum(frame["device_code"].unique().sort())
    since = pl.col("observed_at").to_physical() - pl.col("observed_at").to_physical().min()
    device = pl.col("device_code").cast(devices).to_physical().cast(pl.Int64)
    return frame.with_columns(observation=device * (since.max() + 1) + since).sort("observation")


def held(uploads: pl.DataFrame) -> pl.DataFrame:
    """What uploads `in_order` say together: `distinct` without sorting them again."""
    first = (pl.col("observation") != pl.col("observation").shift(1)).fill_null(True)
    marked = uploads.with_columns(first=first, alone=first & first.shift(-1, fill_value=True))
    rows = marked.filter("first").with_columns(duplicates=pl.lit(0, pl.Int64))
    several = (~rows["alone"]).arg_true()
    if several.len():
        merged = _merged(_certain(marked.filter(~pl.col("alone"))))
        rows = pl.DataFrame([rows[name].scatter(several, merged[name]) for name in rows.columns])
    return rows.drop("observation", "first", "alone")


def uncertain_time() -> pl.Expr:
    """Whether the time is twelve hours off the receipt, so that it may be the other half of the day."""
    return pl.col("quality_notes").fill_null("").str.contains("observed_at=twelve_hours", literal=True)


def _certain(uploads: pl.DataFrame) -> pl.DataFrame:
    """Without the uploads of uncertain time, where the observation has one of certain time."""
    doubtful = uncertain_time()
    return uploads.filter(~doubtful | doubtful.all().over(OBSERVATION))


def _merged(uploads: pl.DataFrame) -> pl.DataFrame:
    """The uploads of each observation as one row."""
    numbers = [name for name, dtype in uploads.schema.items() if dtype == pl.Float64 and name not in PLACE]
    rows = uploads.sort(*OBSERVATION, *AGE).with_row_index("upload")
    notes = rows.select(_notes(name) for name in numbers)
    said = {name: rows[name].is_not_null() | (notes[name] != "") for name in numbers}
    held = (
        rows.select(*OBSERVATION, "upload", *[pl.when(said[name]).then("upload").alias(name) for name in numbers])
        .group_by(OBSERVATION, maintain_order=True)
        .agg(pl.col("upload", *numbers).max())
    )
    texts = held.select(
        notes=pl.concat_str(
            _notes_of_the_rest(rows, numbers).gather(held["upload"]),
            *[notes[name].gather(held[name]).fill_null("") for name in numbers],
        ).str.strip_chars_start(";"),
        mapping=pl.concat_list(rows["mapping"].gather(held[name]) for name in numbers)
        .list.drop_nulls()
        .list.unique()
        .list.sort()
        .list.join(";"),
    )
    last = rows[held["upload"]]
    return _judged(
        last.with_columns(
            *[rows[name].gather(held[name]) for name in numbers],
            quality_notes=pl.when(texts["notes"] != "").then(texts["notes"]),
            mapping=pl.when(texts["mapping"] != "").then(texts["mapping"]).otherwise("mapping"),
            duplicates=_superseded(rows, said, held),
        ).drop("upload"),
        numbers,
    )


def _superseded(rows: pl.DataFrame, said: Mapping[str, pl.Series], held: pl.DataFrame) -> pl.Series:
    """For each row of `held` the uploads that add nothing: of which a later one says a parameter, or that say none.

    All but one where none says any.
    """
    observation = rows.select(pl.struct(OBSERVATION).rle_id()).to_series()
    amended = [of & (held[name].gather(observation) != rows["upload"]) for name, of in said.items()]
    counted = (
        pl.DataFrame({"observation": observation, "amended": reduce(or_, amended) | ~reduce(or_, said.values())})
        .group_by("observation", maintain_order=True)
        .agg(pl.col("amended").sum().cast(pl.Int64), others=pl.len().cast(pl.Int64) - 1)
    )
    silent = held.select(pl.all_horizontal(pl.col(list(said)).is_null())).to_series()
    return counted.select(pl.when(silent).then("others").otherwise("amended")).to_series()


def _notes(parameter: str) -> pl.Expr:
    """The notes on one parameter, each behind a ';'."""
    notes = pl.lit(";") + pl.col("quality_notes").fill_null("")
    return notes.str.extract_all(rf";{parameter}=[^;]*").list.join("").alias(parameter)


def _notes_of_the_rest(rows: pl.DataFrame, numbers: list[str]) -> pl.Series:
    """The notes on what is no parameter (time, codes, form), each behind a ';'."""
    notes = pl.lit(";") + pl.col("quality_notes").fill_null("")
    return rows.select(notes.str.replace_all(rf";(?:{'|'.join(numbers)})=[^;]*", "")).to_series()


def _judged(merged: pl.DataFrame, numbers: list[str]) -> pl.DataFrame:
    """With the quality of what holds: the worst level of its notes, else good; without values the last upload's."""
    levels = {text: level_of(text) for text in merged["quality_notes"].drop_nulls().unique()}
    noted = pl.col("quality_notes").replace_strict(levels, default=None, return_dtype=pl.Int32)
    unmarked = pl.when(pl.any_horizontal(pl.col(numbers).is_not_null())).then(GOOD).otherwise("quality")
    return merged.with_columns(quality=pl.coalesce(noted, unmarked).cast(merged.schema["quality"]))
