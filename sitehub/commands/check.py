"""`sitehub check`: an integrator's dry run (自检), without Kafka and without a registry."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sitehub.options import AsJson, FileFormat, Kind, Province, Uploads, Vendor
from sitehub.refusal import need_feed, refuse

if TYPE_CHECKING:
    from pipelines.catalog import Catalog
    from sitehub.check import Verdict

LOCAL = ZoneInfo("Asia/Shanghai")

out = Console(highlight=False, soft_wrap=True)


def check(
    file: Uploads,
    *,
    province: Province,
    kind: Kind,
    vendor: Vendor = None,
    form: FileFormat = None,
    received_at: datetime | None = None,
    verbose: bool = False,
    as_json: AsJson = False,
) -> None:
    """Dry run of a file of uploads: what the hub would accept, and why not the others.

    Exit 0 when all are accepted, 1 when one is not, 2 when the question cannot be asked so.

    Parameters
    ----------
    received_at
        Time of receipt, ISO 8601 (without an offset: Asia/Shanghai, as uploads are); now when left out.
    verbose
        Print the canonical record of every accepted upload.
    """
    # Polars takes a moment to import: only after the arguments are known to be well formed.
    from sitehub.check import FileError, check_file, format_of

    catalog = catalog_for(province, kind, vendor, file)
    receipt = received_at or datetime.now(UTC)
    receipt = receipt if receipt.tzinfo else receipt.replace(tzinfo=LOCAL)
    try:
        verdicts = list(check_file(catalog, file, form or format_of(file), (province, kind, vendor), receipt))
    except FileError as error:
        refuse(str(error))
    if as_json:
        _print_json(verdicts)
    else:
        _print_text(verdicts, verbose or len(verdicts) == 1)
    sys.exit(1 if any(verdict.fault for verdict in verdicts) else 0)


def catalog_for(province: str, kind: str, vendor: str | None, file: Path) -> "Catalog":
    """The catalog in use; ends the command (exit 2) where feed, kind, vendor or file is unknown, naming the choices."""
    from pipelines.catalog import Catalog
    from pipelines.names import raw_topic
    from sitehub.check import SUFFIXES
    from sitehub.settings import settings

    catalog = Catalog.read(settings().catalog_dir)
    need_feed(province, catalog.provinces)
    kinds = sorted(name for feed, name in catalog.raw if feed == province)
    if kind not in kinds:
        refuse(f"--kind: {province} uploads no {kind!r}; choose one of {', '.join(kinds)}")
    try:
        raw_topic(province, kind, vendor)
    except ValueError as error:
        refuse(f"--vendor: {error}")
    if not file.is_file():
        beside = sorted(path.name for path in file.parent.glob("*.*") if path.suffix in SUFFIXES)
        known = " or ".join(SUFFIXES)
        refuse(f"{file}: no such file; there are {', '.join(beside) or f'no files ending in {known}'} in {file.parent}")
    return catalog


def _print_json(verdicts: Sequence["Verdict"]) -> None:
    import orjson

    from sitehub.check import tally

    report = {
        "accepted": sum(verdict.fault is None for verdict in verdicts),
        "rejected": sum(verdict.fault is not None for verdict in verdicts),
        "reasons": [
            {"reason": reason, "field": field, "count": n} for (reason, field), n in tally(verdicts).most_common()
        ],
        "uploads": [
            {"place": v.place, "accepted": v.fault is None, "record": v.record, "fault": v.fault} for v in verdicts
        ],
    }
    sys.stdout.write(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode() + "\n")


def _print_text(verdicts: Sequence["Verdict"], with_records: bool) -> None:
    import orjson

    from sitehub.check import tally

    for verdict in verdicts:
        if verdict.fault is None:
            record = verdict.record or {}
            notes = f"  {record['quality_notes']}" if record["quality_notes"] else ""
            out.print(Text.assemble(("✓ ", "green"), f"{verdict.place}  {record['event_id']}", (notes, "yellow")))
            if with_records:
                out.print(Text(orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode(), "dim"))
        else:
            fault = verdict.fault
            field = f"{fault['field']}: " if fault["field"] else ""
            out.print(
                Text.assemble(
                    ("✗ ", "red"),
                    f"{verdict.place}  ",
                    (fault["reason"] or "", "bold red"),
                    f"  {field}{fault['detail']}",
                )
            )
            out.print(Text(f"    {fault['remedy']}", "cyan"))
    counts = tally(verdicts)
    if counts:
        table = Table("reason", "field", "uploads", box=None, pad_edge=False)
        for (reason, field), count in counts.most_common():
            table.add_row(reason, field, str(count))
        out.print(table)
    out.print(f"{len(verdicts) - counts.total()} accepted, {counts.total()} rejected")
