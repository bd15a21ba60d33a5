"""From frames to the fields of uploads (解码): how a feed that speaks HJ 212 gets its raw records.

A raw field is filled from the header field or the value of the CP that its `json` key names ("MN", "a34004-Rtd"), as
text. What a value means (unit, flag, time, absent) is the mapping's business, as with every other feed.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from pipelines.contract import Field
from pipelines.faults import Fault
from pipelines.hj212.frame import MalformedError, split_frames
from pipelines.hj212.packet import HEADER, Packet, parse
from pipelines.hj212.parts import join
from pipelines.hj212.tables import codes_of_2005, commands, factors

UNKNOWN_KEYS: Final = "frame=unknown_keys"
# What stands in a CP beside measured values.
NO_FACTOR: Final = frozenset({"DataTime"})
NAMED: Final = 3


def read_frames(
    bodies: Sequence[bytes], fields: Sequence[Field]
) -> tuple[pl.DataFrame, list[str | None], dict[int, Fault]]:
    """Frame of the readable uploads in their order, a note for each, and the fault of each other one by position.

    An upload is one frame, or all frames of a split packet one behind the other.
    """
    keys = {field.json for field in fields}
    records: list[dict[str, str]] = []
    notes: list[str | None] = []
    faults: dict[int, Fault] = {}
    for position, body in enumerate(bodies):
        try:
            said = read_upload(body, keys)
        except MalformedError as error:
            faults[position] = error.fault
            continue
        records.append(said)
        notes.append(None if said.keys() <= keys | set(HEADER) else UNKNOWN_KEYS)
    columns = {field.name: [record.get(field.json) for record in records] for field in fields}
    return pl.DataFrame(columns, schema={field.name: field.dtype for field in fields}), notes, faults


def read_upload(body: bytes, keys: set[str]) -> dict[str, str]:
    """All fields of an upload of readings. MalformedError where it is none, or has none of the factors in `keys`."""
    packet = join([parse(frame) for frame in split_frames(body)])
    _check_readings(packet)
    values = _values(packet)
    measured = [name for name in values if name not in NO_FACTOR]
    if not keys.intersection(measured):
        raise _nothing_for_this_feed(measured)
    return {**packet.fields, **values}


def _check_readings(packet: Packet) -> None:
    command = commands().get(packet.command)
    if command is None or command.period is None:
        is_known = f"CN {packet.command} ({command.en})" if command else "the command"
        known = ", ".join(f"{code} ({entry.en})" for code, entry in commands().items() if entry.period)
        remedy = f"Send readings as CN {known}. Other packets may stay unsent."
        raise MalformedError("CN", f"{is_known} uploads no readings", remedy, "bad_code")


def _values(packet: Packet) -> dict[str, str]:
    """The CP with the factors' codes of 2005 brought up to date. MalformedError where a name stands twice."""
    found: dict[str, str] = {}
    for name, value in (pair for item in packet.items for pair in item):
        code, hyphen, kind = name.strip().partition("-")
        key = f"{codes_of_2005().get(code, code)}{hyphen}{kind}" if hyphen else code
        if key in found:
            detail = f"name {len(found) + 1} of CP stands there twice"
            raise MalformedError("CP", detail, "Send each value once: nobody can tell which one counts.")
        found[key] = value.strip()
    return found


def _nothing_for_this_feed(measured: Sequence[str]) -> MalformedError:
    """Names of the standard's factors may be told; what else a vendor sends may be anything."""
    codes = [code for code in dict.fromkeys(name.partition("-")[0] for name in measured) if code in factors()]
    told = f" ({', '.join(f'{code} {factors()[code].zh}' for code in codes[:NAMED])})" if codes else ""
    return MalformedError(
        "CP",
        f"none of its {len(measured)} values is one that this feed takes{told}",
        "Send dust, noise and weather as `sitehub catalog show` lists them for this feed.",
        "missing_field",
    )
