"""Whether any fault had an effect (验证): what the run left, against what a calm run of the same log makes.

The calm run is the pure core over the raw log, each upload by the mapping that its record names. Compared are the
ledger; topic, partition, key, value and headers of every output, and the order of what came from one raw partition;
every row of the lake and of the register histories; every gold figure computed from them.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.catalog import Catalog
from pipelines.codec import decode
from pipelines.names import canonical_topic, parse_raw_topic, quarantine_topic
from simulation.spec import LOCAL
from sitehub.landed import landed_rows
from sitehub.settings import Settings
from store import gold
from store.filling import FILLED
from store.lake import Lake
from store.tables import DAILY, HISTORIES
from streams.ledger import FINDINGS, ledger
from streams.outputs import Outputs
from streams.quarantined import rejected_frame
from streams.reading import read, spans
from streams.records import Record
from streams.replay import SOURCE, mappings_of, remade
from streams.sinks import sinks_of
from streams.topics import raw_topics, topic_partitions
from tests.faults.stage import PROVINCE

DIGEST: Final = 16
Stream = tuple[str, int, str, int]
"""output topic and partition, raw topic and partition"""


@dataclass
class Trace:
    """What stands in an output partition from one raw partition, in order: offsets of the uploads, and digests."""

    offsets: array[int] = field(default_factory=lambda: array("q"))
    digests: bytearray = field(default_factory=bytearray)

    def by_offset(self) -> dict[int, bytes]:
        """Digest by upload; of a doubled upload the last."""
        pieces = (bytes(self.digests[at : at + DIGEST]) for at in range(0, len(self.digests), DIGEST))
        return dict(zip(self.offsets, pieces, strict=True))


@dataclass(frozen=True)
class Proof:
    """Counts of a run, and `findings`: sentences, none where no fault had an effect."""

    uploads: int
    canonical: int
    quarantined: int
    mappings: int
    landed: int
    figures: int
    findings: tuple[str, ...]


def prove(chosen: Settings, contracts: Sequence[Catalog], calm: Path, *, with_figures: bool) -> Proof:
    """Compare everything; `calm` is a folder for the calm run's lake. All uploads must be normalised and landed.

    `with_figures`: compute the gold figures from both lakes too (Dagster: some ten seconds).
    """
    servers, catalog = chosen.bootstrap_servers, contracts[0]
    partitions = topic_partitions(servers)
    topics = [topic.topic for topic in raw_topics(partitions, PROVINCE, catalog)]
    found = ledger(servers, catalog, [PROVINCE])
    findings = [f"ledger: {found.accounts[name].sum()} {name}" for name in FINDINGS if found.accounts[name].sum()]
    findings += [f"ledger: {waiting} waiting" for waiting in [found.accounts["waiting"].sum()] if waiting]
    quiet = chosen.model_copy(
        update={
            "home": calm,
            "lake_url": str(calm / "lake"),
            "gold_url": f"sqlite:///{calm / 'gold.sqlite'}",
            "reports_dir": calm / "reports",
        }
    )
    expected, mappings = _calm_run(quiet, contracts, topics)
    kinds = {catalog.made_of(parse_raw_topic(topic)).name for topic in topics}
    made = [*map(canonical_topic, kinds), quarantine_topic(PROVINCE)]
    left: defaultdict[Stream, Trace] = defaultdict(Trace)
    for records in read(servers, spans(servers, {topic: partitions[topic] for topic in made})):
        _trace(records, catalog, left)
    findings += compared(expected, left)
    findings += _lakes_differ(chosen, quiet, catalog)
    figures, differing = _figures(chosen, quiet) if with_figures else (0, [])
    return Proof(
        uploads=int(found.accounts["uploads"].sum()),
        canonical=int(found.accounts["canonical"].sum()),
        quarantined=int(found.accounts["quarantined"].sum()),
        mappings=mappings,
        landed=landed_rows(Lake(chosen.lake_url, chosen.catalog_dir), catalog),
        figures=figures,
        findings=(*findings, *differing),
    )


def compared(expected: dict[Stream, Trace], left: dict[Stream, Trace]) -> list[str]:
    """Findings: what is missing, doubled, different or out of order in each stream."""
    findings = []
    for stream in sorted(expected.keys() | left.keys()):
        calm, real = expected.get(stream, Trace()), left.get(stream, Trace())
        if (calm.offsets, calm.digests) == (real.offsets, real.digests):
            continue
        wanted, seen = calm.by_offset(), real.by_offset()
        counts = {
            "missing": len(wanted.keys() - seen.keys()),
            "invented": len(seen.keys() - wanted.keys()),
            "doubled": len(real.offsets) - len(seen),
            "different": sum(wanted[offset] != seen[offset] for offset in wanted.keys() & seen.keys()),
            "out of order": sum(later < earlier for earlier, later in pairwise(real.offsets)),
        }
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        findings.append(f"{'-'.join(map(str, stream))}: {told}")
    return findings


def _calm_run(quiet: Settings, contracts: Sequence[Catalog], topics: Sequence[str]) -> tuple[dict[Stream, Trace], int]:
    """The raw log through the pure core into traces, a lake and histories of its own; and how many mappings it took."""
    servers, catalog = quiet.bootstrap_servers, contracts[0]
    partitions = topic_partitions(servers)
    gold.upgrade(quiet.gold_url)
    lake = Lake(quiet.lake_url, quiet.catalog_dir)
    traces: defaultdict[Stream, Trace] = defaultdict(Trace)
    mappings: set[str] = set()
    with gold.closing_engine(quiet.gold_url) as engine:
        for topic in topics:
            recorded = mappings_of(servers, catalog, topic)
            mappings |= set(recorded.values())
            stretch = spans(servers, {topic: partitions[topic]})
            for outputs in remade(servers, quiet.registry_url, contracts, stretch, recorded):
                for records in _as_records(outputs):
                    _trace(records, catalog, traces)
                    name = records[0].topic
                    for sink in sinks_of(name, catalog, lake, engine):
                        sink.write(name, _frame(name, records, catalog), {})
    return dict(traces), len(mappings)


def _as_records(outputs: Outputs) -> Iterator[list[Record]]:
    """The records of each output topic, as a reader would get them."""
    for topic in {topic for topic, _ in outputs}:
        yield [
            Record(topic, partition, 0, 0, key, value, list(headers))
            for (name, partition), outgoing in outputs.items()
            if name == topic
            for key, value, headers in outgoing
        ]


def _trace(records: Iterable[Record], catalog: Catalog, traces: defaultdict[Stream, Trace]) -> None:
    """Note records under the raw partition that they come from."""
    by_topic: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_topic[record.topic].append(record)
    for topic, same in by_topic.items():
        sources = _frame(topic, same, catalog).select(SOURCE).iter_rows()
        for record, (raw, number, offset) in zip(same, sources, strict=True):
            trace = traces[topic, record.partition, raw, number]
            trace.offsets.append(offset)
            content = repr((record.key, record.value, record.headers)).encode()
            trace.digests += blake2b(content, digest_size=DIGEST).digest()


def _frame(topic: str, records: Sequence[Record], catalog: Catalog) -> pl.DataFrame:
    """The records as rows of the lake."""
    kinds = {canonical_topic(name): kind for name, kind in catalog.canonical.items()}
    if topic in kinds:
        return decode([record.value or b"" for record in records], kinds[topic])
    return rejected_frame(records)


def _lakes_differ(chosen: Settings, quiet: Settings, catalog: Catalog) -> list[str]:
    """Tables of the lake and register histories that are not equal, row by row."""
    sides = [Lake(each.lake_url, each.catalog_dir) for each in (chosen, quiet)]
    # What is filled from the register tells when a row was landed.
    tables = {
        kind: [lake.read(kind).drop(FILLED.values(), strict=False).collect() for lake in sides]
        for kind in catalog.canonical
    }
    tables["quarantine"] = [lake.read_quarantine().collect() for lake in sides]
    order = SOURCE
    findings = [name for name, (real, calm) in tables.items() if not real.sort(order).equals(calm.sort(order))]
    for kind, table in HISTORIES.items():
        real, calm = (_history(each, kind) for each in (chosen, quiet))
        if not real.equals(calm):
            findings.append(table.name)
    return [f"{name}: the rows differ from the calm run's" for name in findings]


def _history(chosen: Settings, kind: str) -> pl.DataFrame:
    with gold.closing_engine(chosen.gold_url) as engine:
        return gold.read_history(engine, kind, PROVINCE, None)


def _figures(chosen: Settings, quiet: Settings) -> tuple[int, list[str]]:
    """Rows of the gold tables, computed from both lakes, and those partitions of them that differ."""
    real, calm = (_computed(each) for each in (chosen, quiet))
    differing = [
        f"{name}: the figures differ from the calm run's"
        for name in sorted(real.keys() | calm.keys())
        if name not in real or name not in calm or not real[name].equals(calm[name])
    ]
    return sum(frame.height for frame in calm.values()), differing


def _computed(chosen: Settings) -> dict[str, pl.DataFrame]:
    """Every gold table's partitions of days that have ended, by name; what a check refused is told in words.

    A day that still runs is expected to have sent no more than it could by now: its rates depend on when one asks.
    """
    # Dagster and Great Expectations take seconds to import, and the short form needs neither.
    from assets.hub import Hub
    from assets.runs import changed, instance_at, materialise

    hub = Hub.at(chosen)
    with instance_at(chosen.home / "dagster") as instance:
        partitions = [at for at in changed(instance, hub)[0] if at.day < datetime.now(LOCAL).date()]
        outcomes = list(materialise(instance, partitions, hub))
    found = {"faults": pl.DataFrame([(each.partition.key, *each.faults) for each in outcomes if each.faults])}
    for at in partitions:
        if hub.lake.exists("gold/dust_hourly"):  # it does not where a check has refused every day; `faults` says so
            hours = hub.lake.read_gold("dust_hourly", at.province, at.iso).collect()
            found[f"dust_hourly {at.key}"] = hours.sort(pl.all())
        for table in DAILY:
            found[f"{table} {at.key}"] = gold.read_partition(hub.gold, table, at.province, at.iso)
    return found
