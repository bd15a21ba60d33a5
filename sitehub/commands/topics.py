"""`sitehub topics`: create and list the topics (主题)."""

import json
import sys

from cyclopts import App
from rich.console import Console
from rich.table import Table

from infra.topics import create_topics, list_topics, raw_spec
from pipelines.catalog import Catalog
from sitehub.options import AsJson
from sitehub.printing import screen
from sitehub.services import wanted_topics
from sitehub.settings import settings

app = App(name="topics", help="Create and list the topics.")


@app.command
def create(*names: str) -> None:
    """Create the catalog's topics, or raw topics by name; existing ones stay as they are.

    Parameters
    ----------
    names
        Raw topics, for example raw.jiangsu.dust-reading.acme for a vendor's own link; none = all of the catalog.
    """
    chosen = settings()
    kept = (chosen.partitions, chosen.raw_retention_days, chosen.raw_timestamps)
    try:
        specs = [raw_spec(name, *kept) for name in names] or wanted_topics(chosen, Catalog.read(chosen.catalog_dir))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from error
    created = create_topics(chosen.bootstrap_servers, specs)
    console = Console(soft_wrap=True, highlight=False)
    for name in created:
        console.print(name)
    console.print(f"{len(created)} created, {len(specs) - len(created)} were there.")


@app.command(name="list")
def show(*, as_json: AsJson = False) -> None:
    """Every topic with its number of partitions."""
    topics = list_topics(settings().bootstrap_servers)
    if as_json:
        json.dump(topics, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    table = Table("topic", "partitions", box=None, pad_edge=False)
    for name, partitions in topics.items():
        table.add_row(name, str(partitions))
    screen().print(table)
