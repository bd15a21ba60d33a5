"""Why an upload was refused (拒收原因): the closed set of reasons, and one fault with its place and remedy."""

from dataclasses import dataclass
from typing import Final

REASONS: Final[dict[str, str]] = {
    "unframed": "the value is neither framed Avro nor a JSON object, nor a frame of the feed's own protocol",
    "unknown_schema": "the registry knows no schema of this id",
    "wrong_subject": "the schema is registered for another topic",
    "undecodable": "the bytes do not follow their schema",
    "missing_field": "a required field is absent or null",
    "bad_number": "a field that must be a number is none",
    "bad_time": "a time is of no known format, no date of the calendar, or older than any site monitor",
    "future_time": "the observation lies more than ten minutes after its receipt",
    "bad_code": "a code is not in its table",
    "bad_identifier": "an identifier fails its check digits or shape, or a code is too long or not visible",
    "oversized": "the value is larger than an upload may be",
    "empty": "the record has no value",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One refused upload: reason (a key of REASONS), the field where there is one, what was seen, and what to do.

    `detail` names types, lengths and places, never a value that may identify a person.
    """

    reason: str
    field: str | None
    detail: str
    remedy: str
