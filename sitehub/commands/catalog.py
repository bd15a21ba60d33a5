"""`sitehub catalog`: what is uploaded, by whom, and how it is read (目录)."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import yaml
from cyclopts import App, Parameter
from rich.console import Console

from pipelines.catalog import Catalog
from pipelines.names import hub_topic, subject_of
from sitehub.mapping_table import field_rows
from sitehub.options import AsJson
from sitehub.printing import grid, screen
from sitehub.readers.asyncapi import asyncapi as asyncapi_of
from sitehub.readers.overview import overview
from sitehub.refusal import refuse
from sitehub.settings import settings

app = App(name="catalog", help="Kinds, provinces, topics and field mappings.")

Vendor = Annotated[str | None, Parameter(help="Show the mapping of this vendor's link.")]


@app.default
@app.command(name="list")
def list_kinds(*, as_json: AsJson = False) -> None:
    """Kind × province × provenance × topic × subject, and the hub's own kinds (topic and subject where one writes)."""
    catalog = Catalog.load(settings().catalog_dir)
    rows = [
        {
            "kind": kind,
            "makes": raw.mapping.kind,
            "province": province,
            "provenance": raw.mapping.provenance,
            "topic": raw.topic,
            "subject": raw.subject,
            "vendors": list(raw.mapping.vendors),
            "mapping": catalog.compiled(province, kind).name,
        }
        for (province, kind), raw in sorted(catalog.raw.items(), key=lambda item: item[0][::-1])
    ]
    rows += [
        {
            "kind": name,
            "makes": name,
            "province": "(hub)",
            "provenance": kind.schema.get("made_by", "(not written yet)"),
            "topic": hub_topic(name) if name in catalog.published else "",
            "subject": subject_of(hub_topic(name)) if name in catalog.published else "",
            "vendors": [],
            "mapping": "",
        }
        for name, kind in catalog.hub.items()
    ]
    _print(rows, rows, as_json=as_json)


@app.command
def show(province: str, kind: str, *, vendor: Vendor = None, as_json: AsJson = False) -> None:
    """The field-by-field mapping of a province's kind, as an integrator reads it.

    Parameters
    ----------
    province
        A feed, e.g. jiangsu.
    kind
        A kind, e.g. dust-reading.
    """
    catalog = Catalog.load(settings().catalog_dir)
    raw = catalog.raw.get((province, kind))
    if raw is None:
        known = ", ".join(f"{province} {kind}" for province, kind in sorted(catalog.raw))
        refuse(f"No mapping of {province} {kind}; choose one of: {known}.")
    rows = field_rows(raw, catalog.canonical[raw.mapping.kind], vendor)
    head = {
        "topic": raw.topic,
        "subject": raw.subject,
        "mapping": catalog.compiled(province, kind, vendor).name,
        "provenance": raw.mapping.provenance,
        "source": raw.mapping.source,
        "zone": raw.mapping.zone,
        "absent": [repr(text) for text in raw.mapping.absent],
        "vendors": list(raw.mapping.vendors),
    }
    if not as_json:
        console = Console(highlight=False)
        for name, value in head.items():
            console.print(f"{name}: {', '.join(value) if isinstance(value, list) else value}", markup=False)
    _print(rows, {**head, "fields": rows}, as_json=as_json)


@app.command
def asyncapi(*, output: Path | None = None, as_json: AsJson = False) -> None:
    """The AsyncAPI 3.0 document of all canonical and quarantine topics, as YAML.

    Parameters
    ----------
    output
        File to write instead of standard output.
    """
    document = asyncapi_of(Catalog.read(settings().catalog_dir))
    if as_json:
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    else:
        text = yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=160)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


@app.command
def html(*, output: Path = Path("catalog")) -> None:
    """A page of fields for each kind, in Chinese and English, with an index.

    Parameters
    ----------
    output
        Folder of the pages; those of the same names are replaced.
    """
    from sitehub.readers.pages import INDEX, pages  # the reports' look brings their fonts

    drawn = pages(Catalog.read(settings().catalog_dir))
    output.mkdir(parents=True, exist_ok=True)
    for name, page in drawn.items():
        (output / name).write_text(page, encoding="utf-8")
    Console(soft_wrap=True, highlight=False).print(f"{len(drawn)} pages; begin with {output / INDEX}", markup=False)


@app.command
def table() -> None:
    """The table kind × province × provenance, as docs/catalogue.md shows it."""
    sys.stdout.write(overview(Catalog.read(settings().catalog_dir)))


def _print(rows: list[dict[str, Any]], whole: object, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
        return
    screen().print(grid(rows))
