"""Times (时间): text in named formats or epoch numbers, strict in shape and calendar, turned into UTC."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from pipelines.contract import TIMESTAMP, Field
from pipelines.mapping.grammar import Rule
from pipelines.mapping.origin import Origin
from pipelines.mapping.step import FaultCheck, Made, NoteCheck, Step, nothing_lost, read_of, said_of, shown

# Token of a format → (pattern of its text, chrono directive). Two-digit years are of this century.
_TOKENS = {
    "yyyy": ("[1-9][0-9]{3}", "%Y"),
    "yy": ("[0-9]{2}", "%Y"),
    "MM": ("[01][0-9]", "%m"),
    "dd": ("[0-3][0-9]", "%d"),
    "HH": ("[0-2][0-9]", "%H"),
    "H": ("(?:[0-9]|1[0-9]|2[0-3])", "%H"),
    "mm": ("[0-5][0-9]", "%M"),
    "ss": ("[0-5][0-9]", "%S"),
    "SSS": ("[0-9]{3}", "%3f"),
}
_TOKEN = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)))
# Digits of an epoch → milliseconds per unit. A fixed number of digits: 9, 12, 15 or 18 digits are damage.
_EPOCHS = {"epoch_s": (10, 1000), "epoch_ms": (13, 1)}

RECEIVED = "received"  # what an absent time may become: that of its receipt
FUTURE_TOLERANCE = timedelta(minutes=10)
TWELVE_HOURS = timedelta(hours=12)
_MS = timedelta(milliseconds=1)
# No site had an on-line dust monitor before (the 24-hour PM2.5 limit is of GB 3095-2012): an earlier observation is a
# clock that lost its battery and began again at 1970 or 2000. Each such day would be a partition of its own.
EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)


class TimeFormatError(ValueError):
    """A time format cannot be read."""


@dataclass(frozen=True)
class TimeFormat:
    """One accepted form: the shape of its text as a pattern, and whether it names a time of day."""

    name: str
    shape: str
    directive: str | None
    has_clock: bool


def time_format(name: str) -> TimeFormat:
    """Read a format such as `yyyy-MM-dd HH:mm:ss` or `epoch_ms`; TimeFormatError when it names no day."""
    if name in _EPOCHS:
        return TimeFormat(name, f"^[0-9]{{{_EPOCHS[name][0]}}}$", None, has_clock=True)
    tokens = _TOKEN.findall(name)
    if not {"MM", "dd"} <= set(tokens) or not {"yy", "yyyy"} & set(tokens) or len(set(tokens)) != len(tokens):
        raise TimeFormatError(f"{name!r} is no time format with year, month and day once each")
    between = _TOKEN.split(name)
    if any(character.isalnum() for text in between for character in text.replace("T", "")):
        raise TimeFormatError(f"{name!r} has letters that are no part of a format")
    pieces = [_TOKENS[token] for token in tokens] + [("", "")]
    shape = "".join(re.escape(text) + pattern for text, (pattern, _) in zip(between, pieces, strict=True))
    directive = "".join(text + chrono for text, (_, chrono) in zip(between, pieces, strict=True))
    return TimeFormat(name, f"^{shape}$", directive, has_clock=bool({"HH", "H"} & set(tokens)))


def parse_time(said: pl.Expr, form: TimeFormat, zone: str, day: str = "start") -> pl.Expr:
    """The instant (UTC) of texts of one format; null where the text is of another shape or no date of the calendar.

    A date alone is the start of its day, or with `day="end"` its end, the midnight that follows.
    """
    text: pl.Expr = pl.when(said.str.contains(form.shape)).then(said)
    if form.directive is None:
        return _instant(text.cast(pl.Int64, strict=False), form)
    directive = form.directive
    if "yyyy" not in form.name:
        text = pl.concat_str(pl.lit("20"), text)
    if form.has_clock and "%M" not in directive:  # the parser wants hours and minutes, or neither
        text, directive = pl.concat_str(text, pl.lit(":00")), f"{directive}:%M"
    local = text.str.to_datetime(directive, time_unit="ms", strict=False)
    if day == "end" and not form.has_clock:
        local = local.dt.offset_by("1d")
    return local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def _parse_number(said: pl.Expr, form: TimeFormat) -> pl.Expr:
    digits, _ = _EPOCHS[form.name]
    number = said.cast(pl.Int64)
    return _instant(pl.when(number.is_between(10 ** (digits - 1), 10**digits - 1)).then(number), form)


def _instant(epoch: pl.Expr, form: TimeFormat) -> pl.Expr:
    return (epoch * _EPOCHS[form.name][1]).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")


def time_step(rule: Rule, field: Field, said: Origin, zone: str) -> Step:
    """The step of a canonical instant. observed_at is also judged against the receipt, column `_received`."""
    column, read = said_of(field.name), read_of(field.name)
    forms = [time_format(name) for name in rule.time]
    numeric = said.type == "integer"
    parsed = [_parse_number(column, form) if numeric else parse_time(column, form, zone, rule.day) for form in forms]
    value = read.dt.offset_by(_offset(rule.shift)) if rule.shift else read
    wrong = column.is_not_null() & read.is_null()
    wanted = " or ".join(rule.time)
    date = "date"
    if field.name == "observed_at":
        date = f"date of {EARLIEST.year} or later"
        wrong = wrong | (value < pl.lit(EARLIEST)).fill_null(False)
    text = "number" if numeric else "text"
    seen = shown(column) if numeric else _shown_time(column, forms)
    detail = pl.concat_str(said.name, pl.lit(f" is {text} "), seen, pl.lit(f", expected a {date} as {wanted}"))
    faults = [FaultCheck("bad_time", wrong, detail, f"Send {said.names} as {wanted} in {zone} time, a real {date}.")]
    notes = []
    if rule.absent == RECEIVED:
        value = pl.when(column.is_null()).then(pl.col("_received")).otherwise(value)
        notes.append(NoteCheck("arrival", column.is_null()))
    if field.name == "observed_at":
        dates = [column.str.contains(form.shape) for form in forms if not form.has_clock]
        judged = _against_receipt(value, ~pl.any_horizontal(pl.lit(False), *dates), said)
        faults.append(judged[0])
        notes.append(judged[1])
    made = Made(pl.coalesce(parsed), value.cast(TIMESTAMP))
    calm = None if rule.absent == RECEIVED else _is_plausible if field.name == "observed_at" else nothing_lost
    return Step(field.name, said.said, made, tuple(faults), tuple(notes), calm)


def _shown_time(said: pl.Expr, forms: Sequence[TimeFormat]) -> pl.Expr:
    """What has the shape of a time is shown as it is (it is a time that does not exist), all else by its shape."""
    shaped = pl.any_horizontal(said.str.contains(form.shape) for form in forms)
    return pl.when(shaped).then(pl.concat_str(pl.lit("'"), said, pl.lit("'"))).otherwise(shown(said))


def _against_receipt(value: pl.Expr, clocked: pl.Expr, said: Origin) -> tuple[FaultCheck, NoteCheck]:
    """More than ten minutes ahead is refused; about twelve hours off is a 12-hour clock: kept and noted."""
    ahead = value - pl.col("_received")
    off = ahead.abs() - pl.lit(TWELVE_HOURS)
    twelve = (clocked & (off.abs() <= pl.lit(FUTURE_TOLERANCE))).fill_null(False)
    future = (ahead > pl.lit(FUTURE_TOLERANCE)).fill_null(False) & ~twelve
    minutes = ahead.dt.total_minutes().cast(pl.String)
    detail = pl.concat_str(
        said.name, pl.lit(" is a time "), minutes, pl.lit(" minutes after receipt, expected at most 10")
    )
    remedy = f"Set the clock and time zone that {said.names} comes from, then send the upload again."
    return FaultCheck("future_time", future, detail, remedy), NoteCheck("twelve_hours", twelve)


def _is_plausible(values: pl.Series, uploads: pl.DataFrame) -> bool:
    """Whether no time can be wrong: none before the first monitors, after the receipt or twelve hours before it."""
    if values.null_count() or not len(values):
        return False
    observed = values.cast(pl.Int64).to_numpy()
    ahead = observed - uploads["_received"].cast(pl.Int64).to_numpy()
    past = (ahead <= FUTURE_TOLERANCE / _MS) & (np.abs(ahead + TWELVE_HOURS / _MS) > FUTURE_TOLERANCE / _MS)
    return bool((past & (observed >= EARLIEST.timestamp() * 1000)).all())


def _offset(shift: timedelta) -> str:
    return f"{int(shift / timedelta(seconds=1))}s"


def by_format_step(rule: Rule, field: Field, said: Origin) -> Step:
    """The step of a value that the shape of a time tells: a date alone means a day's mean."""
    column, read = said_of(field.name), read_of(field.name)
    cases = [(time_format(name), value) for name, value in rule.by_format.items()]
    value = pl.coalesce([pl.when(column.str.contains(form.shape)).then(pl.lit(meant)) for form, meant in cases])
    wanted = " or ".join(rule.by_format)
    seen = _shown_time(column, [form for form, _ in cases])
    detail = pl.concat_str(said.name, pl.lit(" is text "), seen, pl.lit(f", expected a date as {wanted}"))
    fault = FaultCheck("bad_time", column.is_not_null() & read.is_null(), detail, f"Send {said.names} as {wanted}.")
    return Step(field.name, said.said, Made(value, read), (fault,), is_calm=nothing_lost)
