"""`sitehub schemas`: the gate before a schema change, and registration (模式检查与登记)."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from infra.errors import StackError
from infra.registration import register_schemas
from pipelines.catalog import Catalog
from sitehub.options import AsJson
from sitehub.printing import screen
from sitehub.schema_history import Finding, check_history, check_registry, is_shallow, subjects_of
from sitehub.settings import settings

app = App(name="schemas", help="Check and register the schemas.")


@app.command
def check(
    *,
    against_registry: Annotated[
        str | None, Parameter(help="Address of a registry that must answer; by default the hub's own, if it does.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare each schema with every earlier version, in git and in the registry; exit 1 when one could not be read
    any more."""
    catalog = Catalog.load(settings().catalog_dir)
    findings, compared = check_history(catalog)
    refused, registry = _ask_registry(catalog, against_registry)
    findings += refused
    doubts = [] if registry else [f"The registry at {settings().registry_url} does not answer: it was not asked."]
    if is_shallow(catalog.root):
        doubts.append("This clone is shallow: older versions were not compared. Run `git fetch --unshallow`.")
    count = len(subjects_of(catalog))
    if as_json:
        result = {
            "subjects": count,
            "versions": compared,
            "registry": registry,
            "doubts": doubts,
            "findings": [asdict(finding) for finding in findings],
        }
        sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            console.print(
                f"{finding.subject}: {finding.fault}, compared with {finding.against}.", style="red", markup=False
            )
        if findings:
            console.print("Add fields with a default instead of changing or removing them.")
        else:
            asked = f", and with the registry at {registry}" if registry else ""
            console.print(f"{count} subjects compatible with {compared} earlier versions in git{asked}.", markup=False)
        for doubt in doubts:
            console.print(doubt, style="yellow", markup=False)
    if findings:
        sys.exit(1)


def _ask_registry(catalog: Catalog, named: str | None) -> tuple[list[Finding], str | None]:
    """Findings and address of the registry asked; no address where the hub's own does not answer."""
    url = named or settings().registry_url
    try:
        return check_registry(catalog, url), url
    except StackError:
        if named:
            raise
        return [], None


@app.command
def register(*, as_json: AsJson = False) -> None:
    """Register all raw and canonical schemas and set their compatibility levels."""
    ids = register_schemas(settings().registry_url, Catalog.load(settings().catalog_dir))
    if as_json:
        sys.stdout.write(json.dumps(ids, indent=2) + "\n")
        return
    table = Table("subject", "schema id", box=None, pad_edge=False)
    for subject, schema_id in ids.items():
        table.add_row(subject, str(schema_id))
    screen().print(table)
