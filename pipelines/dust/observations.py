"""One reading per observation (同一观测只计一次): what several uploads of one device and time say together.

A device may send its parameters in separate messages, amend a value, or send a message twice. For each parameter the
latest upload that says something of it holds: a value, or a note why there is none. An upload of which a later one
says something else, or that says nothing, is a duplicate (重复); a message of other parameters is not. Uploads of a
certain time put those with the note `observed_at=twelve_hours` aside, which tell of another time and only seem to be
of this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from pipelines.screening import GOOD, level_of

OBSERVATION = ("device_code", "observed_at")
AGE = ("received_at", "source_topic", "source_partition", "source_offset")
PLACE = ("longitude", "latitude")
THE_REST = "the rest"


@dataclass(frozen=True)
class Observations:
    """What a part of a day's uploads says.

    rows: one per device and time, sorted by them, device_code as Enum; with `duplicates`, the number of uploads that
    were superseded, and `first_received_at`. Values, quality_notes, quality and mapping are those of the uploads that
    hold, all else of the last upload. several: the uploads of which there is more than one of an observation.
    """

    rows: pl.DataFrame
    several: pl.DataFrame


def distinct(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of `observations` with the columns of the uploads and `duplicates`."""
    return observations(frame).rows.drop("first_received_at").cast({"device_code": pl.String})


def observations(frame: pl.DataFrame) -> Observations:
    """What these uploads say together.

    An observation is numbered: one whole number is sorted and compared ten times as fast as a text and a time. Columns
    of one value are not put in order, and the others are made of one chunk before: five times as fast as of a dozen.
    """
    uploads = frame.with_columns(_ranked(frame["device_code"]))
    number = uploads.select(_number()).to_series()
    order = number.arg_sort()
    number = number.gather(order)
    first = (number != number.shift(1)).fill_null(True)
    alone = first & first.shift(-1, fill_value=True)
    several = uploads[order.filter(~alone)]
    none = several.clear().with_columns(duplicates=pl.lit(0, pl.Int64), first_received_at="received_at")
    merged = _merged(several) if several.height else none
    places = alone.filter(first).not_().arg_true()
    chosen = order.filter(first).scatter(
        places, pl.int_range(uploads.height, uploads.height + merged.height, eager=True).cast(order.dtype)
    )
    same = {name: uploads[name].first() for name in uploads.columns if _has_one_value(uploads[name])}
    ordered = [name for name in uploads.columns if name not in same]
    rows = pl.concat([uploads.select(ordered), merged.select(ordered)], rechunk=True)[chosen].with_columns(
        pl.lit(value, uploads.schema[name]).alias(name) for name, value in same.items()
    )
    counted = rows.with_columns(
        duplicates=pl.zeros(rows.height, pl.Int64, eager=True).scatter(places, merged["duplicates"]),
        first_received_at=rows["received_at"].scatter(places, merged["first_received_at"]),
    )
    return Observations(counted, several)


def _ranked(codes: pl.Series) -> pl.Series:
    """The codes as an Enum in their order. The lake has many in a row: each run is looked up once."""
    runs = codes.rle().struct.field("value")
    return runs.cast(pl.Enum(runs.unique().sort())).gather(codes.rle_id()).alias(codes.name)


def _has_one_value(column: pl.Series) -> bool:
    """Whether all rows say the same text, or all say nothing."""
    if column.is_empty() or column.null_count() or column.dtype != pl.String:
        return column.null_count() == column.len()
    return bool((column == column.first()).all())


def _number() -> pl.Expr:
    """The same whole number for the same device and time, in the order of devices and times."""
    since = pl.col("observed_at").to_physical() - pl.col("observed_at").to_physical().min()
    return pl.col("device_code").to_physical().cast(pl.Int64) * (since.max() + 1) + since


def uncertain_time() -> pl.Expr:
    """Whether the time is twelve hours off the receipt, so that it may be the other half of the day."""
    return pl.col("quality_notes").fill_null("").str.contains("observed_at=twelve_hours", literal=True)


def _certain(uploads: pl.DataFrame) -> pl.DataFrame:
    """Without the uploads of uncertain time, where the observation has one of certain time."""
    doubtful = uncertain_time()
    return uploads.filter(~doubtful | doubtful.all().over(OBSERVATION))


def _merged(uploads: pl.DataFrame) -> pl.DataFrame:
    """The uploads of each observation as one row."""
    numbers = _said(uploads)
    came = uploads.group_by(OBSERVATION).agg(first_received_at=pl.col("received_at").min()).sort(OBSERVATION)
    rows = _certain(uploads).sort(*OBSERVATION, *AGE).with_row_index("upload")
    notes = _notes(rows["quality_notes"], numbers)
    said = {name: rows[name].is_not_null() | (notes[name] != "") for name in numbers}
    held = (
        rows.select(*OBSERVATION, "upload", *[pl.when(said[name]).then("upload").alias(name) for name in numbers])
        .group_by(OBSERVATION, maintain_order=True)
        .agg(pl.col("upload", *numbers).max())
    )
    texts = held.select(
        notes=pl.concat_str(
            notes[THE_REST].gather(held["upload"]),
            *[notes[name].gather(held[name]).fill_null("") for name in numbers],
        ).str.strip_chars_start(";"),
        mapping=_mapping(rows["mapping"], held, numbers),
    )
    last = rows[held["upload"]]
    return _judged(
        last.with_columns(
            *[rows[name].gather(held[name]) for name in numbers],
            quality_notes=pl.when(texts["notes"] != "").then(texts["notes"]),
            mapping=pl.when(texts["mapping"] != "").then(texts["mapping"]).otherwise("mapping"),
            duplicates=_superseded(rows, said, held),
            first_received_at=came["first_received_at"],
        ).drop("upload"),
        numbers,
    )


def _said(uploads: pl.DataFrame) -> list[str]:
    """The parameters that these uploads say something of; all of them where they say nothing of any."""
    numbers = [name for name, dtype in uploads.schema.items() if dtype == pl.Float64 and name not in PLACE]
    noted = ";".join(uploads["quality_notes"].drop_nulls().unique())
    return [name for name in numbers if uploads[name].count() or f"{name}=" in noted] or numbers


def _mapping(mappings: pl.Series, held: pl.DataFrame, numbers: Sequence[str]) -> pl.Expr:
    """The mappings of the uploads of which a parameter holds, joined by ';'; empty where none does."""
    if mappings.n_unique() == 1:
        return pl.lit(mappings.first(), pl.String)
    each = pl.concat_list(mappings.gather(held[name]) for name in numbers)
    return each.list.drop_nulls().list.unique().list.sort().list.join(";")


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


def _notes(column: pl.Series, numbers: Sequence[str]) -> pl.DataFrame:
    """The notes of each row by parameter, and those on what is none (time, codes, form), each behind a ';'.

    Taken apart once a text that occurs, of which there are few.
    """
    noted = column.fill_null("")
    texts = noted.unique()
    notes = pl.lit(";") + pl.col("noted")
    apart = pl.DataFrame({"noted": texts}).with_columns(
        *[notes.str.extract_all(rf";{name}=[^;]*").list.join("").alias(name) for name in numbers],
        notes.str.replace_all(rf";(?:{'|'.join(numbers)})=[^;]*", "").alias(THE_REST),
    )
    return noted.to_frame("noted").join(apart, on="noted", how="left", maintain_order="left").drop("noted")


def _judged(merged: pl.DataFrame, numbers: list[str]) -> pl.DataFrame:
    """With the quality of what holds: the worst level of its notes, else good; without values the last upload's."""
    levels = {text: level_of(text) for text in merged["quality_notes"].drop_nulls().unique()}
    noted = pl.col("quality_notes").replace_strict(levels, default=None, return_dtype=pl.Int32)
    unmarked = pl.when(pl.any_horizontal(pl.col(numbers).is_not_null())).then(GOOD).otherwise("quality")
    return merged.with_columns(quality=pl.coalesce(noted, unmarked).cast(merged.schema["quality"]))
