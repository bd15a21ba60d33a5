"""Rules against truth: the figures of the simulated uploads, computed twice, the second time from the truth alone."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from pipelines.dust.daily import daily_means
from pipelines.dust.hourly import device_hours
from pipelines.limits import Limits
from pipelines.normalise import normalise
from simulation.encode import Registry
from simulation.simulate import simulate
from simulation.spec import Spec
from sitehub.truth import counted_slots, daily_pm10
from tests.contract import CATALOG
from tests.pipelines.dust.frames import upload_rates
from tests.simulation.test_simulate import Subjects, batches

DAY = date(2026, 3, 2)
KEY = ["province", "device_code"]


def figures() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Of each province the figures by the rules and by the truth: received, duplicates and mean PM10 per device."""
    catalog, limits = CATALOG, Limits.load()
    subjects = Subjects(catalog)
    simulation = simulate(Spec(last_day=DAY, days=1, devices=16), catalog, Registry(subjects.id_of))
    sent = simulation.truth.filter(expected="accepted", kind="dust-reading", period="minute")
    verdicts = [normalise(batch, catalog, subjects.writers()) for _, batch in batches(simulation)]
    for province in sent["province"].unique().sort():
        of = {
            kind: pl.concat(v.accepted for v in verdicts if v.kind.name == kind).filter(province=province)
            for kind in ("device", "dust-reading")
        }
        hours = device_hours(of["dust-reading"], of["device"], DAY)
        means = daily_means(hours, hours.clear(), of["dust-reading"].clear(), "device", of["device"], DAY, limits)
        rates = upload_rates(of["dust-reading"], of["device"], DAY)
        told = sent.filter(province=province)
        truth = counted_slots(told).join(daily_pm10(told), on=["province", "day", "device_code"], how="left")
        yield (
            rates.select(*KEY, "received").join(means.select(*KEY, "duplicates", "pm10"), on=KEY).sort(KEY),
            truth.filter(day=DAY.isoformat()).select(*KEY, "received", "duplicates", "pm10").sort(KEY),
        )


def test_the_rules_make_the_figures_that_the_truth_makes() -> None:
    """Doubles, amendments, broken sensors and a twelve-hour clock: the same slots, duplicates and means."""
    provinces = 0
    for held, true in figures():
        assert held.drop("pm10").equals(true.drop("pm10"))
        assert held["pm10"].is_null().equals(true["pm10"].is_null(), null_equal=True)
        assert ((held["pm10"] - true["pm10"]).abs().fill_null(0) < 1e-9).all()
        assert true["duplicates"].sum() > 0
        provinces += 1
    assert provinces == 4
