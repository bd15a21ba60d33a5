"""A vendor's file as the vendor would send it (模拟上传): each upload framed as Avro or as bare JSON, with its key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal

import fastavro
import orjson

from pipelines.catalog import RawKind
from pipelines.hj212.packet import device_key
from pipelines.wire import ID_LENGTH
from sitehub.check import FILE_SCHEMA, FileError, Format, read_uploads

Framing = Literal["avro", "json", "hj212"]
UNFIT: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One upload ready to send; `place` is where it stands in the file."""

    place: str
    key: bytes | None
    value: bytes


def default_framing(form: Format) -> Framing:
    """An Avro file is sent as Avro, one of frames as it is, the others as JSON."""
    return form if form in ("avro", "hj212") else "json"


def file_schema(file: Path, form: Format, raw: RawKind) -> Mapping[str, Any]:
    """The schema that a file's uploads are sent with as Avro: an Avro file's own, else the raw kind's."""
    _, writers = read_uploads(file, form, raw)
    return writers[FILE_SCHEMA].schema if writers else raw.schema


def outgoing(
    file: Path, form: Format, raw: RawKind, subject: Sequence[str], framing: Framing, schema_id: int
) -> Iterator[Outgoing]:
    """Uploads of a file in its order. `subject`: the canonical fields that name the thing observed: the key.

    Frames, and JSON files sent as JSON, go out as they are, damaged ones included; FileError where a line cannot be
    made Avro.
    """
    if (form == "hj212") != (framing == "hj212"):
        raise FileError(f"{file.name}: frames are sent as they are, and nothing else becomes one; leave --as out")
    uploads, writers = read_uploads(file, form, raw)
    if form == "hj212":
        yield from (Outgoing(upload.place, device_key(upload.value), upload.value) for upload in uploads)
        return
    parsed = fastavro.parse_schema(dict(writers[FILE_SCHEMA].schema if writers else raw.schema))
    rules = raw.mapping.rules
    sources = tuple(source for name in subject if name in rules for source in rules[name].raw_fields)
    names = {field.json: field.name for field in raw.fields}
    keys = {field.name: field.json for field in raw.fields}
    head = b"\0" + schema_id.to_bytes(4, "big")
    for upload in uploads:
        record = _record(upload.value[ID_LENGTH:], parsed) if writers else _object(upload.value, names)
        key = _key(record, sources)
        if framing == "json":
            value = orjson.dumps({keys.get(k, k): v for k, v in (record or {}).items()}) if writers else upload.value
        else:
            value = head + (upload.value[ID_LENGTH:] if writers else _avro(upload.place, record, parsed))
        yield Outgoing(upload.place, key, value)


def _record(body: bytes, parsed: Any) -> dict[str, Any]:
    return dict(fastavro.schemaless_reader(BytesIO(body), parsed, None))  # type: ignore[arg-type] # a record schema


def _object(value: bytes, names: Mapping[str, str]) -> dict[str, Any] | None:
    try:
        content = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return {names.get(key, key): part for key, part in content.items()} if isinstance(content, dict) else None


def _key(record: Mapping[str, Any] | None, sources: tuple[str, ...]) -> bytes | None:
    parts = [str(record[name]) for name in sources if record and record.get(name) is not None]
    return "".join(parts).encode() or None


def _avro(place: str, record: Mapping[str, Any] | None, parsed: Any) -> bytes:
    body = BytesIO()
    try:
        fastavro.schemaless_writer(body, parsed, record, strict_allow_default=True)
    except UNFIT as error:
        raise FileError(f"{place} does not fit the schema ({error}); mend it, or send it with --as json") from error
    return body.getvalue()
