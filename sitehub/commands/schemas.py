"""`sitehub schemas`: the gate before a schema change, and registration (模式检查与登记)."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from infra.registration import register_schemas
from pipelines.catalog import Catalog
from sitehub.options import AsJson
from sitehub.schema_history import check_history, check_registry, subjects_of
from sitehub.settings import settings

app = App(name="schemas", help="Check and register the schemas.")


@app.command
def check(
    *,
    against_registry: Annotated[str | None, Parameter(help="Address of a registry to ask too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare each schema with every earlier version in git; exit 1 when one could not be read any more."""
    catalog = Catalog.load(settings().catalog_dir)
    findings, compared = check_history(catalog)
    if against_registry:
        findings += check_registry(catalog, against_registry)
    count = len(subjects_of(catalog))
    if as_json:
        result = {"subjects": count, "versions": compared, "findings": [asdict(finding) for finding in findings]}
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
            console.print(f"{count} subjects compatible with {compared} earlier versions.")
    if findings:
        sys.exit(1)


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
    Console().print(table)
