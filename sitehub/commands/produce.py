"""`sitehub produce`: send a file as a vendor would, and wait for the hub's verdict on each upload (试上传)."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from sitehub.commands.check import catalog_for
from sitehub.options import AsJson, FileFormat, Kind, Province, Uploads, Vendor
from sitehub.refusal import refuse

if TYPE_CHECKING:
    from pipelines.catalog import Catalog
    from sitehub.produce import Framing, Outgoing
    from streams.verdicts import Upload, Verdict


def produce(
    file: Uploads,
    *,
    province: Province,
    kind: Kind,
    vendor: Vendor = None,
    framing: Annotated[Literal["avro", "json"] | None, Parameter("--as")] = None,
    form: FileFormat = None,
    wait: bool = True,
    timeout: float = 60.0,
    as_json: AsJson = False,
) -> None:
    """Send a file of uploads to its raw topic, and print what became of each.

    Exit 0 when all were accepted (with --no-wait: delivered), 1 when one was rejected or its verdict did not come in
    time, 2 when the question cannot be asked so.

    Parameters
    ----------
    framing
        Send as Confluent-framed Avro or as bare JSON; by default as the file is, frames always so.
    wait
        Wait for the verdicts; the normaliser of the province must be running.
    timeout
        Longest time to wait for them; s.
    """
    from sitehub.check import FileError, format_of
    from sitehub.kafka_faults import explained
    from sitehub.produce import default_framing, outgoing
    from sitehub.settings import settings
    from streams.verdicts import Watch

    catalog = catalog_for(province, kind, vendor, file)
    raw = catalog.raw[province, kind]
    canonical = catalog.canonical[raw.mapping.kind]
    try:
        form = form or format_of(file)
        sent_as = framing or default_framing(form)
        schema_id = _schema_id(file, form, sent_as, catalog, province, kind)
        uploads = list(outgoing(file, form, raw, canonical.subject, sent_as, schema_id))
    except FileError as error:
        refuse(str(error))
    servers = settings().bootstrap_servers
    with explained(servers):
        _check_topic(servers, province, kind, vendor)
        watch = Watch(servers, province, canonical) if wait else None
        places = _send(servers, province, kind, vendor, uploads)
        found = {verdict.upload: verdict for verdict in watch.verdicts(places, timeout)} if watch else {}
    (_print_json if as_json else _print_text)(uploads, places, found, wait)
    sys.exit(1 if wait and any(not (v := found.get(place)) or not v.accepted for place in places) else 0)


def _schema_id(file: Path, form: Any, framing: "Framing", catalog: "Catalog", province: str, kind: str) -> int:
    """The registry's id of the schema that the uploads are framed with; asked for Avro only."""
    from sitehub.produce import file_schema
    from sitehub.settings import settings
    from streams.writers import registered_id

    if framing != "avro":
        return 0
    raw = catalog.raw[province, kind]
    found = asyncio.run(registered_id(settings().registry_url, raw.subject, file_schema(file, form, raw)))
    if found is None:
        refuse(f"{file}: the registry does not hold its schema under {raw.subject}; register it there first")
    return found


def _check_topic(servers: str, province: str, kind: str, vendor: str | None) -> None:
    from pipelines.names import raw_topic
    from streams.topics import topic_partitions

    topic = raw_topic(province, kind, vendor)
    if topic not in topic_partitions(servers):
        refuse(f"there is no topic {topic}; create it with `sitehub topics create {topic}`")


def _send(servers: str, province: str, kind: str, vendor: str | None, uploads: "list[Outgoing]") -> "list[Upload]":
    from confluent_kafka import Producer

    from pipelines.names import raw_topic
    from streams.sending import Sender

    # Of librdkafka's own lines those of trouble, not that a broker which has just started is asked again.
    settings = {"enable.idempotence": True, "message.max.bytes": 2 << 20, "log_level": 3}
    sender = Sender(Producer({"bootstrap.servers": servers, **settings}))
    for upload in uploads:
        sender.send(raw_topic(province, kind, vendor), upload.value, upload.key)
    return sender.finish()


def _print_json(
    uploads: "list[Outgoing]",
    places: "list[Upload]",
    found: "dict[Upload, Verdict]",
    wait: bool,  # noqa: ARG001 (as _print_text)
) -> None:
    import orjson

    rows = []
    for upload, place in zip(uploads, places, strict=True):
        verdict = found.get(place)
        seen = {"accepted": verdict.accepted, **verdict.said} if verdict else {}
        rows.append({"place": upload.place, "topic": place[0], "partition": place[1], "offset": place[2], **seen})
    sys.stdout.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode() + "\n")


def _print_text(uploads: "list[Outgoing]", places: "list[Upload]", found: "dict[Upload, Verdict]", wait: bool) -> None:
    out = Console(highlight=False, soft_wrap=True)
    for upload, place in zip(uploads, places, strict=True):
        verdict = found.get(place)
        at = f"{upload.place}  {'-'.join(map(str, place))}  "
        if verdict is None:
            out.print(Text(f"… {at}" + ("no verdict in time: is the normaliser running?" if wait else "delivered")))
        elif verdict.accepted:
            out.print(
                Text.assemble(("✓ ", "green"), at, verdict.said["event"], (f"  {verdict.said['notes']}", "yellow"))
            )
        else:
            field = f"{verdict.said['field']}: " if verdict.said["field"] else ""
            reason = (verdict.said["reason"], "bold red")
            out.print(Text.assemble(("✗ ", "red"), at, reason, f"  {field}{verdict.said['detail']}"))
            out.print(Text(f"    {verdict.said['remedy']}", "cyan"))
    accepted = sum(verdict.accepted for verdict in found.values())
    out.print(f"{len(places)} delivered, {accepted} accepted, {len(found) - accepted} rejected")
