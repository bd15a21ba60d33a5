"""Simulation against normaliser: two descriptions of the same dialects, written apart, must agree row by row."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from prometheus_client import generate_latest

from pipelines.catalog import Catalog
from pipelines.normalise import Normalised, normalise
from pipelines.wire import RawBatch, WriterId, WriterSchema
from simulation.damage import REASONS, UNKNOWN_ID
from simulation.dust import MEASURED
from simulation.encode import Registry
from simulation.simulate import Simulation, simulate
from simulation.spec import Spec
from sitehub.truth import event_ids
from streams.metrics import counted, processing
from streams.outputs import Target, outputs
from tests.contract import CATALOG
from tests.invented_people import PERSONAL_WORD, PERSONAL_WORDS

SPEC = Spec(last_day=date(2026, 3, 2), days=2, devices=16)
Judged = list[tuple[pl.DataFrame, Normalised]]
Code = tuple[str, str]  # province, device


class Subjects:
    """Gives out schema ids as a registry would."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.ids: dict[str, int] = {}

    def id_of(self, subject: str) -> int:
        """The same id for the same subject."""
        return self.ids.setdefault(subject, len(self.ids) + 1)

    def writers(self) -> dict[WriterId, WriterSchema | None]:
        """What the registry says of every id in the uploads."""
        schemas = {raw.subject: raw.schema for raw in self.catalog.raw.values()}
        known: dict[WriterId, WriterSchema | None] = {
            number: WriterSchema(schemas[name], frozenset([name])) for name, number in self.ids.items()
        }
        return {**known, UNKNOWN_ID: None}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The project's own contract."""
    return CATALOG


@pytest.fixture(scope="module")
def subjects(catalog: Catalog) -> Subjects:
    """Schema ids of the module's simulation."""
    return Subjects(catalog)


@pytest.fixture(scope="module")
def simulation(catalog: Catalog, subjects: Subjects) -> Simulation:
    """Two days of sixteen devices with every fault."""
    return simulate(SPEC, catalog, Registry(subjects.id_of))


@pytest.fixture(scope="module")
def judged(simulation: Simulation, catalog: Catalog, subjects: Subjects) -> Judged:
    """Truth and normaliser's verdict of each raw topic."""
    return [
        (simulation.truth.filter(topic=topic), normalise(batch, catalog, subjects.writers()))
        for topic, batch in batches(simulation)
    ]


def batches(simulation: Simulation) -> Iterator[tuple[str, RawBatch]]:
    """Each raw topic as one batch."""
    for (topic,), part in simulation.uploads.group_by("topic", maintain_order=True):
        count = part.height
        yield (
            str(topic),
            RawBatch(
                str(topic),
                [0] * count,
                range(count),
                part["timestamp"].to_list(),
                part["key"].to_list(),
                part["value"].to_list(),
                [[] for _ in range(count)],
            ),
        )


def test_every_upload_is_judged_as_the_truth_says(judged: Judged) -> None:
    """The same rows are rejected, each for the reason it was damaged for."""
    for truth, verdict in judged:
        said = truth.with_row_index("row").filter(pl.col("expected") == "rejected")
        expected = dict(zip(said["row"], said["reason"], strict=True))
        assert dict(zip(verdict.rejected["row"], verdict.rejected["reason"], strict=True)) == expected
        assert verdict.accepted.height == truth.height - said.height


def test_events_have_the_names_that_the_truth_gives_them(judged: Judged) -> None:
    """Of every kind, people under their pseudonyms."""
    for truth, verdict in judged:
        told = truth.filter(expected="accepted").select(event_ids()).to_series()
        assert verdict.accepted["event_id"].to_list() == told.to_list()


def test_metrics_name_nobody(simulation: Simulation, catalog: Catalog, subjects: Subjects) -> None:
    """People stand in the uploads of every province, but in no sample of what a worker counts of them."""
    target = Target(defaultdict(lambda: 1), defaultdict(lambda: 1))
    for topic, batch in batches(simulation):
        with processing("normalise", topic):
            made = outputs(batch, catalog, subjects.writers(), target)
        with counted(batch, made, by_broker=True):
            pass
    sent = b"\n".join(simulation.uploads["value"].drop_nulls()).decode(errors="replace")
    assert all(re.search(form, sent) for form in PERSONAL_WORDS.values())
    scraped = generate_latest().decode()
    assert 'kind="worker"' in scraped
    assert not PERSONAL_WORD.search(scraped)


def test_every_reason_of_the_closed_set_occurs_in_every_province(simulation: Simulation) -> None:
    """Each province's vendors commit each error."""
    rejected = simulation.truth.filter(expected="rejected")
    for province in SPEC.provinces:
        assert set(rejected.filter(province=province)["reason"]) == set(REASONS)


def test_one_device_a_province_is_not_registered(judged: Judged) -> None:
    """Of all devices that uploads name, machines and cameras included: the dust monitor that is left out on purpose."""
    named, registered, left_out = set[Code](), set[Code](), set[Code]()
    for truth, verdict in judged:
        rows = verdict.accepted
        if truth["province"][0] in SPEC.provinces and "device_code" in rows.columns:
            codes = registered if verdict.kind.name == "device" else named
            codes.update(rows.select("province", "device_code").drop_nulls().rows())
            left_out.update(truth.filter(registered=False).select("province", "subject").rows())
    assert named - registered == left_out
    assert sorted(province for province, _ in left_out) == sorted(SPEC.provinces)


@pytest.mark.parametrize("field", ["observed_at", "period", *MEASURED])
def test_values_arrive_in_canonical_units(judged: Judged, field: str) -> None:
    """What the device measured is what the canonical record holds, whatever the dialect, to the last decimal."""
    compared = 0
    for truth, verdict in judged:
        if verdict.kind.name != "dust-reading":
            continue
        true, held = truth.filter(expected="accepted")[field], verdict.accepted[field]
        if held.dtype.is_float():
            assert held.is_null().equals(true.is_null())
            assert ((held - true).abs().fill_null(0) < 1e-9).all()
        else:
            assert held.to_list() == true.to_list()
        compared += held.len()
    assert compared > 40_000


def test_flags_show_in_quality(judged: Judged) -> None:
    """Range fails, order and the twelve-hour clock are suspect, a sentinel is noted and null, the rest is good."""
    levels = {"range": 4, "order": 3, "twelve_hours": 3}
    for truth, verdict in judged:
        if verdict.kind.name != "dust-reading":
            continue
        both = (
            truth.filter(expected="accepted")
            .select("flags")
            .hstack(verdict.accepted.select("quality", "quality_notes"))
        )
        for flags, quality, notes in both.unique().iter_rows():
            faults = [flag for flag in flags.split(";") if flag in levels]
            assert quality == (levels[faults[0]] if faults else 1)
            assert all(f"={flag}" in notes for flag in faults)
            assert ("pm2_5=sentinel" in (notes or "")) == ("sentinel" in flags)


def test_uploads_are_in_order_of_receipt(simulation: Simulation) -> None:
    """A topic is filled in the order in which its uploads arrive, and truth lies beside them row by row."""
    assert simulation.uploads["timestamp"].is_sorted()
    assert simulation.uploads["sequence"].equals(simulation.truth["sequence"])
    assert simulation.uploads["topic"].equals(simulation.truth["topic"])


def test_same_spec_gives_the_same_bytes(simulation: Simulation, catalog: Catalog, subjects: Subjects) -> None:
    """Two runs of one spec cannot be told apart."""
    assert simulate(SPEC, catalog, Registry(subjects.id_of)).uploads.equals(simulation.uploads)


def test_tables_are_written_for_others(simulation: Simulation, tmp_path: Path) -> None:
    """Uploads and truth lie side by side as parquet."""
    simulation.write(tmp_path / "run")
    assert pl.read_parquet(tmp_path / "run" / "truth.parquet").equals(simulation.truth)
    assert pl.read_parquet(tmp_path / "run" / "uploads.parquet").equals(simulation.uploads)
