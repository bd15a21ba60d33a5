"""A vendor's file through the normaliser without Kafka (离线自检): the same path, the same verdicts."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, get_args

import fastavro
import orjson

from pipelines.catalog import Catalog, Field, RawKind
from pipelines.contract import RECORDS, TEXTS
from pipelines.hj212.frame import END as FRAME_END
from pipelines.names import raw_topic
from pipelines.normalise import Normalised, normalise
from pipelines.wire import RawBatch, WriterId, WriterSchema

Format = Literal["jsonl", "csv", "avro", "hj212"]
SUFFIXES: Final[Mapping[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".avro": "avro",
    ".hj212": "hj212",
}
FILE_SCHEMA: Final = 0  # stands for the registry id of the schema inside an Avro file
CHUNK: Final = 5000
WHOLE_NUMBER: Final = re.compile(r"-?\d{1,18}")
NUMBER: Final = re.compile(r"-?\d{1,300}(\.\d+)?([eE][+-]?\d{1,2})?")


class FileError(ValueError):
    """The file cannot be read as uploads; the text names the place and the remedy."""


@dataclass(frozen=True, slots=True)
class FileUpload:
    """One upload of a file: where it stands ("line 3"), and the value that would be sent."""

    place: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the normaliser says of one upload: the canonical record, or reason, field, detail and remedy."""

    place: str
    record: dict[str, Any] | None
    fault: dict[str, str | None] | None


def format_of(file: Path) -> Format:
    """The format that the file's suffix tells. Raises FileError."""
    if file.suffix.lower() not in SUFFIXES:
        raise FileError(f"{file.name}: the suffix tells no format; give --format {', '.join(get_args(Format))}")
    return SUFFIXES[file.suffix.lower()]


def read_uploads(file: Path, form: Format, raw: RawKind) -> tuple[Iterator[FileUpload], dict[WriterId, WriterSchema]]:
    """Uploads of a file in its order, and the writer schema that Avro ones need. Raises FileError.

    jsonl: one object a line; csv: a header of raw names or JSON keys, an empty cell is null; avro: an object container;
    hj212: one frame a line, whatever ends the lines of the file.
    """
    if form == "avro":
        return _read_avro(file, raw)
    if form == "hj212":
        return (replace(line, value=line.value + FRAME_END) for line in _read_lines(file)), {}
    return (_read_lines(file) if form == "jsonl" else _read_csv(file, raw)), {}


def check_file(
    catalog: Catalog, file: Path, form: Format, place: tuple[str, str, str | None], received_at: datetime
) -> Iterator[Verdict]:
    """Verdict on each upload of a file, in order; `place` is (province, kind, vendor). Raises FileError."""
    province, kind, vendor = place
    uploads, writers = read_uploads(file, form, catalog.raw[province, kind])
    first = 0
    while chunk := list(islice(uploads, CHUNK)):
        batch = RawBatch(
            topic=raw_topic(province, kind, vendor),
            partitions=[0] * len(chunk),
            offsets=range(first, first + len(chunk)),
            timestamps=[int(received_at.timestamp() * 1000)] * len(chunk),
            keys=[None] * len(chunk),
            values=[upload.value for upload in chunk],
            headers=[()] * len(chunk),
        )
        yield from _verdicts(chunk, normalise(batch, catalog, writers), first)
        first += len(chunk)


def tally(verdicts: Sequence[Verdict]) -> Counter[tuple[str, str]]:
    """Refused uploads by (reason, field), most frequent first when asked for `most_common`."""
    return Counter((v.fault["reason"] or "", v.fault["field"] or "") for v in verdicts if v.fault)


def _verdicts(chunk: Sequence[FileUpload], normalised: Normalised, first: int) -> Iterator[Verdict]:
    records = {row["source_offset"] - first: row for row in normalised.accepted.iter_rows(named=True)}
    faults = normalised.rejected.select("row", "reason", "field", "detail", "remedy").rows_by_key(
        "row", named=True, unique=True
    )
    for row, upload in enumerate(chunk):
        yield Verdict(upload.place, records.get(row), faults.get(row))


def _read_lines(file: Path) -> Iterator[FileUpload]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield FileUpload(f"line {number}", line.rstrip(b"\r\n"))


def _read_csv(file: Path, raw: RawKind) -> Iterator[FileUpload]:
    fields = {name: field for field in raw.fields for name in (field.name, field.json)}
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text)
        try:
            header = next(rows, None)
            if not header or not any(name in fields for name in header):
                keys = ", ".join(field.json for field in raw.fields)
                raise FileError(f"{file.name}: the first line names no known field; begin with a header of {keys}")
            for cells in rows:
                place = f"line {rows.line_num}"
                if len(cells) > len(header):
                    raise FileError(
                        f"{file.name}: {place} has {len(cells)} cells, its header {len(header)}; quote commas"
                    )
                yield FileUpload(place, orjson.dumps(_object(header, cells, fields)))
        except (UnicodeDecodeError, csv.Error) as error:
            raise FileError(f"{file.name}: no CSV in UTF-8 after line {rows.line_num}; save it as CSV UTF-8") from error


def _object(header: Sequence[str], cells: Sequence[str], fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        fields[name].json if name in fields else name: _parsed(cell, fields[name].type if name in fields else "string")
        for name, cell in zip(header, cells, strict=False)
        if cell != ""
    }


def _parsed(cell: str, kind: str) -> Any:
    """The cell as the raw type has it; what does not parse stays text, and the normaliser says what it thinks of it."""
    if kind in {"int", "long"} and WHOLE_NUMBER.fullmatch(cell):
        return int(cell)
    if kind in {"float", "double"} and NUMBER.fullmatch(cell):
        return float(cell)
    if kind in (TEXTS, RECORDS):
        return _array(cell)
    if kind == "boolean" and cell.lower() in {"true", "false"}:
        return cell.lower() == "true"
    return cell


def _array(cell: str) -> Any:
    """An array in a cell, as JSON."""
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell


def _read_avro(file: Path, raw: RawKind) -> tuple[Iterator[FileUpload], dict[WriterId, WriterSchema]]:
    try:
        with file.open("rb") as container:
            schema = fastavro.reader(container).writer_schema
    except (ValueError, EOFError, KeyError) as error:
        raise FileError(f"{file.name}: no Avro object container; write it with its schema in front") from error
    if not isinstance(schema, dict):
        raise FileError(f"{file.name}: the schema is not a record's; write one record an upload")
    return _avro_uploads(file, schema), {FILE_SCHEMA: WriterSchema(schema, frozenset({raw.subject}))}


def _avro_uploads(file: Path, schema: dict[str, Any]) -> Iterator[FileUpload]:
    parsed = fastavro.parse_schema(schema)
    with file.open("rb") as container:
        try:
            for number, record in enumerate(fastavro.reader(container), 1):
                body = BytesIO()
                fastavro.schemaless_writer(body, parsed, record)
                yield FileUpload(f"record {number}", b"\0" + FILE_SCHEMA.to_bytes(4, "big") + body.getvalue())
        except (ValueError, EOFError, KeyError, IndexError) as error:
            raise FileError(f"{file.name}: the container is damaged; write it again") from error
