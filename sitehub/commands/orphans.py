"""`sitehub orphans`: devices and projects that uploads name and no register knows (未登记)."""

import sys
from datetime import date

import orjson
from rich.table import Table

from sitehub.options import AsJson
from sitehub.printing import printable, screen
from sitehub.refusal import need_feed


def orphans(*, province: str | None = None, since: date | None = None, as_json: AsJson = False) -> None:
    """Unregistered devices and projects by province, vendor and kind. None of their uploads is refused.

    Parameters
    ----------
    province
        One feed only; all that have registers when left out.
    since
        Observations of this local day and later, YYYY-MM-DD; all when left out, which reads the whole lake.
    """
    from pipelines.catalog import Catalog
    from sitehub.settings import settings
    from store.gold import closing_engine, upgrade
    from store.lake import Lake
    from store.orphans import orphans as strangers

    chosen = settings()
    catalog = Catalog.read(chosen.catalog_dir)
    need_feed(province, catalog.provinces)
    upgrade(chosen.gold_url)
    with closing_engine(chosen.gold_url) as gold:
        found = strangers(Lake(chosen.lake_url, chosen.catalog_dir), gold, catalog, province, since)
    if as_json:
        sys.stdout.write(orjson.dumps(found.to_dicts(), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode() + "\n")
        return
    table = Table(*found.columns, box=None, pad_edge=False)
    for *texts, codes, records, first, last, examples in found.iter_rows():
        seen = (f"{at:%Y-%m-%d %H:%M}Z" for at in (first, last))
        table.add_row(
            *(text or "–" for text in texts), f"{codes:,}", f"{records:,}", *seen, printable(" ".join(examples))
        )
    console = screen(markup=False)
    console.print(table)
    for register in ("device", "project"):
        of_register = found.filter(unknown=register)
        console.print(f"{of_register['records'].sum():,} records name {register}s that are not registered")
