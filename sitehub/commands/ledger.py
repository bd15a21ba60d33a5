"""`sitehub ledger`: one in, exactly one out (对账)."""

import json
import sys

from rich.table import Table

from sitehub.options import AsJson
from sitehub.printing import screen
from sitehub.refusal import need_feed


def ledger(*, province: str | None = None, as_json: AsJson = False) -> None:
    """Compare every upload with the records made of it, from the topics alone.

    Exit 0 when nothing is missing, doubled or invented, 1 otherwise. Uploads that the normaliser has not reached yet
    are counted as waiting and are no finding. Partitions that have none are summed up, not listed.

    Parameters
    ----------
    province
        One feed only; all of the catalog when left out.
    """
    import polars as pl

    from pipelines.catalog import Catalog
    from sitehub.kafka_faults import explained
    from sitehub.settings import settings
    from streams.ledger import FINDINGS
    from streams.ledger import ledger as drawn_up

    chosen = settings()
    catalog = Catalog.read(chosen.catalog_dir)
    need_feed(province, catalog.provinces)
    with explained(chosen.bootstrap_servers):
        found = drawn_up(chosen.bootstrap_servers, catalog, [province] if province else catalog.provinces)
    if as_json:
        json.dump({"exact": found.is_exact, "partitions": found.accounts.to_dicts()}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        console = screen()
        counts = ("uploads", "canonical", "quarantined", "waiting", *FINDINGS)
        table = Table("topic", "partition", *counts, box=None, pad_edge=False)
        table.columns[0].no_wrap = True
        for row in found.accounts.filter(pl.any_horizontal(pl.col(counts) > 0)).iter_rows(named=True):
            table.add_row(row["topic"], str(row["partition"]), *(f"{row[name]:,}" for name in counts))
        console.print(table)
        for row in found.accounts.iter_rows(named=True):
            for finding in FINDINGS:
                if row[finding]:
                    first = ", ".join(map(str, row[f"{finding}_at"]))
                    console.print(f"{row['topic']}/{row['partition']}: {finding} at offset {first}", style="red")
        total = found.accounts.select(counts).sum().row(0, named=True)
        verdict = "exact" if found.is_exact else "NOT exact"
        console.print(
            f"{verdict}: {total['uploads']:,} uploads, {total['canonical']:,} canonical + "
            f"{total['quarantined']:,} quarantined, {total['waiting']:,} waiting; "
            + ", ".join(f"{total[finding]:,} {finding}" for finding in FINDINGS),
            style="green" if found.is_exact else "bold red",
        )
    sys.exit(0 if found.is_exact else 1)
