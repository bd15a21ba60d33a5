"""`sitehub forget`: what is where of a person, until when, and what can be done about it (遗忘)."""

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console

from sitehub.options import AsJson
from sitehub.printing import grid
from sitehub.refusal import refuse

if TYPE_CHECKING:
    import polars as pl

    from pipelines.catalog import CanonicalKind
    from sitehub.settings import Settings

TOLD = """\
Raw: until the day named the uploads hold what the person sent, in plain; afterwards the hub has it nowhere. Rejected
uploads are not found by a pseudonym: topics and lake keep their bytes for {quarantine} days and up to three weeks more.
Canonical topics, lake and histories keep the pseudonym. Nothing is deleted here: docs/people.md has what can be done.
"""


def forget(*, person: str, as_json: AsJson = False) -> None:
    """What is where of a person. Nothing is deleted; docs/people.md says what an operator can do, and its limits.

    Parameters
    ----------
    person
        The pseudonym, <key id>-<32 hex digits>. Never a citizen number: docs/people.md has how to make one of it.
    """
    from pipelines.catalog import Catalog
    from sitehub.kafka_faults import explained
    from sitehub.settings import settings
    from store.gold import closing_engine, upgrade
    from store.lake import Lake, canonical_table
    from store.people import PSEUDONYM, kinds_of_people, rows_of, states_of
    from streams.topics import topic_partitions

    if not PSEUDONYM.fullmatch(person):
        refuse("--person: no pseudonym; one is <8 hex digits>-<32 hex digits>, see docs/people.md")
    chosen = settings()
    catalog, lake = Catalog.read(chosen.catalog_dir), Lake(chosen.lake_url, chosen.catalog_dir)
    with explained(chosen.bootstrap_servers):
        counts = topic_partitions(chosen.bootstrap_servers)
    found: dict[str, list[dict[str, Any]]] = {"lake": [], "histories": [], "canonical": [], "raw": []}
    for kind in kinds_of_people(catalog):
        rows = rows_of(lake, kind, person)
        if rows.height:
            first, last = rows["observed_at"].min(), rows["observed_at"].max()
            table = canonical_table(kind.name)
            found["lake"].append({"table": table, "rows": rows.height, "first": first, "last": last})
            found["canonical"].append(_topic(kind, rows, counts))
            found["raw"] += _uploads(rows, chosen)
    upgrade(chosen.gold_url)
    with closing_engine(chosen.gold_url) as gold:
        found["histories"] = [{"table": name, "states": states} for name, states in states_of(gold, person).items()]
    if as_json:
        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode() + "\n")
    else:
        _print(found, chosen.quarantine_retention_days)


def _topic(kind: "CanonicalKind", rows: "pl.DataFrame", counts: dict[str, int]) -> dict[str, Any]:
    """The partitions of the canonical topic that the rows lie in, by their keys."""
    from pipelines.identity import canonical_keys
    from pipelines.murmur2 import partitions
    from pipelines.names import canonical_topic

    topic = canonical_topic(kind.name)
    numbers = sorted(set(partitions(canonical_keys(rows, kind), counts[topic]).tolist())) if topic in counts else []
    return {"topic": topic, "partitions": numbers, "kept": "newest of each key" if kind.register else "for ever"}


def _uploads(rows: "pl.DataFrame", chosen: "Settings") -> list[dict[str, Any]]:
    """The raw partitions that the rows were made of, and the day on which the last of their uploads is gone."""
    import polars as pl

    from infra.topics import SEGMENT_DAYS

    kept = timedelta(days=chosen.raw_retention_days + SEGMENT_DAYS)
    until = pl.col("received_at").max().dt.offset_by(f"{kept.days}d").dt.date()
    places = rows.group_by(topic="source_topic", partition="source_partition").agg(
        uploads=pl.len(), first=pl.col("source_offset").min(), last=pl.col("source_offset").max(), until=until
    )
    for_ever = {"until": "for ever"} if chosen.raw_timestamps == "CreateTime" else {}
    return [row | for_ever for row in places.sort("topic", "partition").to_dicts()]


def _print(found: dict[str, list[dict[str, Any]]], quarantine_days: int) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    if not any(found.values()):
        console.print("Nothing has landed of this person. Another key makes another pseudonym: docs/people.md.")
        return
    for title, rows in found.items():
        if rows:
            console.print(grid(rows, title))
    console.print(TOLD.format(quarantine=quarantine_days), end="", soft_wrap=True)
