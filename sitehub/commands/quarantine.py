"""`sitehub quarantine`: look at rejected uploads, and send again what would be accepted today (隔离区)."""

import sys
from collections import Counter
from datetime import datetime
from heapq import nlargest
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from cyclopts import App, Parameter
from rich.table import Table

from sitehub.kafka_faults import explained
from sitehub.options import AsJson
from sitehub.printing import screen
from sitehub.refusal import need_feed, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.catalog import Catalog
    from sitehub.settings import Settings
    from streams.retry import Quarantined

app = App(name="quarantine", help="List, show and retry rejected uploads.")
COUNTED = ("province", "vendor", "kind", "reason", "field")
SHOWN = ("reason", "field", "detail", "remedy", "province", "kind", "vendor", "received_at", "schema_id", "mapping")

Province = Annotated[str | None, Parameter(help="One feed only.")]
Vendor = Annotated[str | None, Parameter(help="One vendor only, as its topic names it.")]
Kind = Annotated[str | None, Parameter(help="One kind only.")]
Reason = Annotated[str | None, Parameter(help="One reason only, e.g. bad_time.")]


@app.command(name="list")
def show_list(
    *,
    province: Province = None,
    vendor: Vendor = None,
    kind: Kind = None,
    reason: Reason = None,
    newest: int = 10,
    as_json: AsJson = False,
) -> None:
    """Counts by province, vendor, kind, reason and field, and the newest rejected uploads.

    Parameters
    ----------
    newest
        How many uploads to name.
    """
    settings, catalog = _known(province)
    with explained(settings.bootstrap_servers):
        found = list(_matching(settings, catalog, province, vendor=vendor, kind=kind, reason=reason))
    counts = Counter(tuple(upload.said.get(name, "") for name in COUNTED) for upload in found)
    last = nlargest(newest, found, key=lambda upload: int(upload.said["received_at"]))
    rows = [{**dict(zip(COUNTED, key, strict=True)), "uploads": count} for key, count in counts.most_common()]
    if as_json:
        _print_json({"counts": rows, "newest": [_facts(upload) for upload in last]})
        return
    console = screen()
    table = Table(*COUNTED, "uploads", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(str, row.values()))
    console.print(table)
    for upload in last:
        field = f"{upload.said['field']}: " if "field" in upload.said else ""
        console.print(f"{_place(upload)}  {upload.said['reason']}  {field}{upload.said['detail']}")
    console.print(f"{counts.total():,} rejected uploads")


@app.command
def show(
    place: str,
    /,
    *,
    with_bytes: Annotated[bool, Parameter(name="--bytes", negative="")] = False,
    as_json: AsJson = False,
) -> None:
    """Why one upload was rejected, where it came from and what to do.

    Parameters
    ----------
    place
        TOPIC-PARTITION-OFFSET of the quarantine record, or of the upload in its raw topic.
    with_bytes
        Print key and value too. They are the upload as it came and may hold personal data.
    """
    from pipelines.names import parse_raw_topic
    from streams.quarantined import told
    from streams.reading import read
    from streams.retry import Quarantined, quarantined

    settings, catalog = _known(None)
    topic, partition, offset = _parsed(place)
    with explained(settings.bootstrap_servers):
        if topic.startswith("quarantine."):
            span = {(topic, partition): (offset, offset + 1)}
            found = [Quarantined(r, told(r)) for records in read(settings.bootstrap_servers, span) for r in records]
        else:
            province = parse_raw_topic(topic).province
            need_feed(province, catalog.provinces, place)
            uploads = quarantined(settings.bootstrap_servers, [province])
            found = [upload for upload in uploads if upload.source == (topic, partition, offset)]
    if not found:
        refuse(f"{place}: no rejected upload there; `sitehub quarantine list` names the newest")
    facts = [_facts(upload, with_bytes=with_bytes) for upload in found]
    if as_json:
        _print_json(facts)
        return
    console = screen()
    for fact in facts:
        for name, value in fact.items():
            said = _local(int(value)) if name == "received_at" else value
            console.print(f"{name:12} {said}", markup=False)


@app.command
def retry(
    *,
    province: str,
    vendor: Vendor = None,
    kind: Kind = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Send rejected uploads of a province once more that the present mappings and schemas accept.

    Running it again sends nothing twice; an upload is retried at most three times. Uploads from the future and those
    that would be judged otherwise by now are not retried: waiting makes a wrong clock look right.

    Parameters
    ----------
    province
        The feed, e.g. jiangsu.
    """
    from streams.retry import retry as send_again

    settings, catalog = _known(province)
    with explained(settings.bootstrap_servers):
        chosen = list(_matching(settings, catalog, province, vendor=vendor, kind=kind, reason=reason))
        became = send_again(settings.bootstrap_servers, settings.registry_url, catalog, province, chosen)
    if as_json:
        _print_json(became)
    else:
        words = ", ".join(f"{count:,} {what}" for what, count in became.most_common()) or "none matches"
        screen().print(f"{len(chosen):,} rejected uploads: {words}")


def _local(epoch_ms: int) -> str:
    """The moment by the clock of the sites."""
    from pipelines.dust.readings import ZONE

    return datetime.fromtimestamp(epoch_ms / 1000, ZONE).isoformat(timespec="milliseconds")


def _known(province: str | None) -> "tuple[Settings, Catalog]":
    from pipelines.catalog import Catalog
    from sitehub.settings import settings

    catalog = Catalog.read(settings().catalog_dir)
    need_feed(province, catalog.provinces)
    return settings(), catalog


def _matching(
    settings: "Settings", catalog: "Catalog", province: str | None, **wanted: str | None
) -> "Iterator[Quarantined]":
    from streams.retry import quarantined

    for upload in quarantined(settings.bootstrap_servers, [province] if province else catalog.provinces):
        if all(value is None or upload.said.get(name) == value for name, value in wanted.items()):
            yield upload


def _place(upload: "Quarantined") -> str:
    return f"{upload.record.topic}-{upload.record.partition}-{upload.record.offset}"


def _facts(upload: "Quarantined", *, with_bytes: bool = False) -> dict[str, Any]:
    facts: dict[str, Any] = {"place": _place(upload), "upload": "-".join(map(str, upload.source))}
    facts |= {name: upload.said[name] for name in SHOWN if name in upload.said}
    facts |= {"retries": upload.retries, "length": len(upload.record.value or b"")}
    if with_bytes:
        facts |= {"key": _readable(upload.record.key), "value": _readable(upload.record.value)}
    return facts


def _readable(content: bytes | None) -> str | None:
    """Text where the bytes are UTF-8, hexadecimal otherwise."""
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.hex(" ")


def _parsed(place: str) -> tuple[str, int, int]:
    parts = place.rsplit("-", 2)
    if len(parts) != 3 or not (parts[1].isdigit() and parts[2].isdigit()) or "." not in parts[0]:
        refuse(f"{place}: expected TOPIC-PARTITION-OFFSET, for example quarantine.jiangsu-0-15")
    return parts[0], int(parts[1]), int(parts[2])


def _print_json(content: Any) -> None:
    sys.stdout.write(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode() + "\n")
