"""A canonical record as a CloudEvent 1.0 in JSON's values (CloudEvents 映射): the envelope becomes attributes."""

from datetime import datetime
from typing import Any

ATTRIBUTES = {
    "observed_at": "time",
    "event_id": "eventid",
    "received_at": "receivedat",
    "vendor": "vendor",
    "quality": "quality",
    "quality_notes": "qualitynotes",
    "mapping": "mapping",
}
"""Fields of the envelope that are an attribute of their own."""
PLACE = ("source_topic", "source_partition", "source_offset")
NOT_DATA = {*ATTRIBUTES, *PLACE, "province", "schema_id"}


def cloud_event(record: dict[str, Any], schema: str, key: str, dataschema: str) -> dict[str, Any]:
    """The record under its schema's name; `key` is the message's, `dataschema` the address of the schema.

    An upload is one record, so the place of the upload is unique: it is the id. Two records of one `eventid` are two
    events of CloudEvents; of them the latest received holds.
    """
    province, _, subject = key.partition(":")
    attributes = {
        "specversion": "1.0",
        "id": "/".join(str(record[part]) for part in PLACE),
        "source": f"/sitehub/{province}",
        "type": schema,
        "subject": subject,
        "datacontenttype": "application/json",
        "dataschema": dataschema,
        "partitionkey": key,
        **{name: _plain(record[field]) for field, name in ATTRIBUTES.items() if record[field] is not None},
    }
    return attributes | {"data": {name: _plain(value) for name, value in record.items() if name not in NOT_DATA}}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
