"""What a quarantined upload carries (隔离说明): headers that say why, where it came from and what to do.

Key and value are the original bytes. The hub's headers stand before the original ones, so the first of a name counts.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from pipelines.names import parse_raw_topic
from pipelines.wire import RawBatch

if TYPE_CHECKING:
    from pipelines.normalise import Normalised

REASON: Final = "sitehub.reason"
RETRIES: Final = "sitehub.retries"
MAX_RETRIES: Final = 3
Header = tuple[str, bytes]


def quarantine_headers(batch: RawBatch, normalised: "Normalised") -> list[list[Header]]:
    """Headers of each rejected row, in the order of `normalised.rejected`. What is not known is left out."""
    topic = parse_raw_topic(batch.topic)
    place = {
        "sitehub.province": topic.province,
        "sitehub.kind": topic.kind,
        "sitehub.vendor": topic.vendor,
        "sitehub.source.topic": batch.topic,
    }
    return [
        [*_headers({**_fault(row), **place, **_position(row, batch)}), *batch.headers[row["row"]]]
        for row in normalised.rejected.iter_rows(named=True)
    ]


def reasons_of(rejected: Iterable[Sequence[Header]]) -> dict[str, int]:
    """How many uploads were rejected for each reason, from the headers made here: the first one says it."""
    return {reason.decode(): count for reason, count in Counter(headers[0][1] for headers in rejected).items()}


def retries_of(headers: Iterable[Header]) -> int:
    """How often an upload has been sent again from quarantine, MAX_RETRIES at most; anybody may have written it."""
    said = next((value for name, value in headers if name == RETRIES and value), b"")
    return min(int(said), MAX_RETRIES) if len(said) == 1 and said.isdigit() else 0


def _fault(row: dict[str, Any]) -> dict[str, object]:
    return {
        REASON: row["reason"],  # first: see reasons_of
        "sitehub.field": row["field"],
        "sitehub.detail": row["detail"],
        "sitehub.remedy": row["remedy"],
    }


def _position(row: dict[str, Any], batch: RawBatch) -> dict[str, object]:
    at = row["row"]
    return {
        "sitehub.source.partition": batch.partitions[at],
        "sitehub.source.offset": batch.offsets[at],
        "sitehub.received_at": batch.timestamps[at],
        "sitehub.schema_id": row["schema_id"],
        "sitehub.mapping": row["mapping"],
        RETRIES: retries_of(batch.headers[at]),
        # The names that tools for Kafka Connect's dead letters read.
        "__connect.errors.topic": batch.topic,
        "__connect.errors.partition": batch.partitions[at],
        "__connect.errors.offset": batch.offsets[at],
        "__connect.errors.exception.class.name": f"sitehub.{row['reason']}",
        "__connect.errors.exception.message": row["detail"],
    }


def _headers(fields: dict[str, object]) -> Iterable[Header]:
    return ((name, str(value).encode()) for name, value in fields.items() if value is not None)
