"""What an upload comes wrapped in (报文封装): Confluent Avro with the schema's id before the value or its id or GUID
in a header, or bare JSON."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Final

from pipelines.faults import Fault

# Kafka's own default for a message. One upload is one observation of some 200 bytes: a mebibyte is damage or a picture.
VALUE_LIMIT: Final = 1 << 20
SCHEMA_HEADER: Final = "__value_schema_id"
ID_MAGIC: Final = 0
GUID_MAGIC: Final = 1
ID_LENGTH: Final = 5
GUID_LENGTH: Final = 17
BLANKS: Final = b" \t\r\n"

WriterId = int | uuid.UUID


@dataclass(frozen=True)
class RawBatch:
    """Records of one raw topic, those of a partition in offset order; all sequences of one length.

    timestamps: the broker's append time, epoch ms. headers: (key, value) pairs per record.
    """

    topic: str
    partitions: Sequence[int]
    offsets: Sequence[int]
    timestamps: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Sequence[tuple[str, bytes]]]

    def __len__(self) -> int:
        """Number of records."""
        return len(self.offsets)

    @cached_property
    def unframed(self) -> "Unframed":
        """The records without their wrapping."""
        return unframe(self)


COLUMNS: Final = tuple(field.name for field in fields(RawBatch))[1:]


def joined(batches: Sequence[RawBatch]) -> RawBatch:
    """Batches of one topic as one, at least one."""
    if len(batches) == 1:
        return batches[0]
    columns = ([value for batch in batches for value in getattr(batch, name)] for name in COLUMNS)
    return RawBatch(batches[0].topic, *columns)


@dataclass(frozen=True)
class WriterSchema:
    """A schema of the registry and the subjects it is registered under."""

    schema: Mapping[str, Any]
    subjects: frozenset[str]


@dataclass
class Unframed:
    """A batch without its wrapping: rows by writer schema, rows of JSON, rows of anything else (only the feed knows
    whether it has a protocol of its own), rows refused, each in order; bodies by row."""

    avro: dict[WriterId, list[int]] = field(default_factory=dict)
    json: list[int] = field(default_factory=list)
    other: list[int] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)


def unframe(batch: RawBatch) -> Unframed:
    """Take each record's wrapping off; every row ends in exactly one of avro, json, other and faults."""
    found = Unframed()
    alike: dict[bytes, list[int]] = {}  # rows by the first bytes of their value: there are few different ones
    for row, (value, headers) in enumerate(zip(batch.values, batch.headers, strict=True)):
        if not value:
            found.faults[row] = Fault("empty", None, "the value is null or of no bytes", "Send one upload as value.")
        elif len(value) > VALUE_LIMIT:
            found.faults[row] = Fault(
                "oversized",
                None,
                f"{len(value)} bytes, at most {VALUE_LIMIT} are taken",
                "Send one observation a record; send no pictures or files.",
            )
        elif headers:
            _unframe_one(row, value, headers, found)
        else:
            alike.setdefault(value[:ID_LENGTH], []).append(row)
    for head, rows in alike.items():
        writer = _writer_id(head)
        if writer is None:
            for row in rows:
                _unframe_one(row, batch.values[row] or b"", (), found)
        else:
            found.avro.setdefault(writer, []).extend(rows)
            found.bodies.update((row, (batch.values[row] or b"")[ID_LENGTH:]) for row in rows)
    for rows in (found.json, found.other, *found.avro.values()):
        rows.sort()
    return found


def writer_ids(batch: RawBatch) -> set[WriterId]:
    """Ids of the schemas that must be looked up before the batch can be normalised."""
    return set(batch.unframed.avro)


def _unframe_one(row: int, value: bytes, headers: Sequence[tuple[str, bytes]], found: Unframed) -> None:
    head = dict(headers).get(SCHEMA_HEADER)  # of several the last counts, as Confluent's own readers have it
    if head is not None:
        writer, body = _writer_id(head), value
        if writer is None:
            found.faults[row] = Fault(
                "unframed",
                SCHEMA_HEADER,
                f"a header of {len(head)} bytes that is neither 0x00 and an id nor 0x01 and a GUID",
                "Let the serialiser write this header, or leave it out and frame the value.",
            )
            return
    else:
        writer, body = _writer_id(value[:ID_LENGTH]), value[ID_LENGTH:]
    if writer is not None:
        found.avro.setdefault(writer, []).append(row)
        found.bodies[row] = body
    else:
        (found.json if value.lstrip(BLANKS)[:1] == b"{" else found.other).append(row)
        found.bodies[row] = value


def unframed(value: bytes) -> Fault:
    """Why a value that is neither Avro nor JSON is refused where the feed knows nothing else."""
    return Fault(
        "unframed",
        None,
        f"{len(value)} bytes beginning with 0x{value[:1].hex()}",
        "Send Avro with the schema's id before it (a zero byte and four bytes), or a JSON object.",
    )


def _writer_id(head: bytes) -> WriterId | None:
    """Schema id of 0x00 and four bytes, GUID of 0x01 and sixteen."""
    if len(head) == ID_LENGTH and head[0] == ID_MAGIC:
        return int.from_bytes(head[1:], "big")
    if len(head) == GUID_LENGTH and head[0] == GUID_MAGIC:
        return uuid.UUID(bytes=head[1:])
    return None
