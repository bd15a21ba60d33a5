"""The view model: every figure, mark and order of the dust report."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.inputs import DustReportInputs
from reports.model import DustReportView
from reports.numbers import number, printed, rate
from reports.view import build_view
from reports.words import definitions, words
from tests.reports import sample


@pytest.fixture(scope="module")
def jiangsu() -> DustReportView:
    """Jiangsu's sample day."""
    return build_view(sample.jiangsu())


def test_ties_go_to_even_and_a_minus_is_a_minus() -> None:
    """Figures are rounded once, ties to even; zero has no sign; a missing figure is a dash."""
    assert [number(value).text for value in (0.5, 1.5, 2.5, 1234.5)] == ["0", "2", "2", "1,234"]
    assert number(-3.25, 1, signed=True).text == "−3.2"
    assert number(-0.04, 1, signed=True).text == "0.0"
    assert number(None).text == "–"


@given(st.integers(1, 10**9), st.data())
def test_only_a_whole_rate_is_a_hundred_percent(denominator: int, data: st.DataObject) -> None:
    """100% is printed exactly when numerator and denominator are equal, 0.0% exactly when nothing came."""
    numerator = data.draw(st.integers(0, denominator))
    shown = rate(numerator, denominator).text
    assert (shown == "100%") == (numerator == denominator)
    assert ("100" in shown) == (numerator == denominator)
    assert (shown == "0.0%") == (numerator == 0)


@given(st.lists(st.none() | st.floats(-1e6, 1e6)), st.integers(0, 2))
def test_a_column_is_rounded_as_its_figures_are(values: list[float | None], digits: int) -> None:
    """What rows are ordered by is what they print."""
    column = printed(pl.Series("pm10", values, dtype=pl.Float64), digits)
    assert column.to_list() == [number(value, digits).value for value in values]


def test_a_rate_without_denominator_is_none_and_not_zero() -> None:
    """An unregistered device has no expected slots and so no rate."""
    assert rate(5, None).text == rate(5, 0).text == "–"


def test_the_province_mean_rests_on_valid_day_means_only(jiangsu: DustReportView) -> None:
    """Of 24 devices one has too few hours of PM10: it is counted in the denominator and left out of the mean."""
    pm10 = next(mean for mean in jiangsu.summary.means if mean.parameter == "pm10")
    valid = sample.jiangsu().daily.filter("pm10_valid")["pm10"]
    assert (pm10.valid_devices, pm10.devices) == (23, 24)
    assert pm10.mean.value == pytest.approx(sum(valid) / 23, abs=0.5)


def test_an_invalid_mean_is_shown_with_its_hours_and_ranked_after_the_valid_ones(jiangsu: DustReportView) -> None:
    """A device with 13 hours keeps its mean and its count, is not valid, and comes last among equals."""
    last = jiangsu.sites.rows[-1]
    assert (last.device_code, last.means["pm10"].count, last.means["pm10"].valid) == ("JI-D00007", 13, False)
    assert last.means["pm10"].value is not None


def test_points_are_ranked_by_exceedance_hours_then_by_pm10(jiangsu: DustReportView) -> None:
    """Two exceedances in hours 8 and 9 make two hours, not three; noise makes none; PM10 orders the rest."""
    hours = [site.exceedance_hours for site in jiangsu.sites.rows]
    assert hours[:4] == [2, 2, 1, 0]
    assert jiangsu.sites.rows[0].device_code == "JI-D00006"
    rest = [site.means["pm10"].value or 0 for site in jiangsu.sites.rows if not site.exceedance_hours][:-1]
    assert rest == sorted(rest, reverse=True)


def test_ties_are_ordered_by_what_the_reader_sees() -> None:
    """Figures that print alike are equal: then the code decides; a point without any figure comes last."""
    made = sample.jiangsu()
    means = [None, 80.4, 79.6, 80.5, 81.5] * made.daily.height
    nights = [None, 50.04, 49.96, 50.06] * made.daily.height
    daily = made.daily.with_columns(
        pm10=pl.Series(means[: made.daily.height], dtype=pl.Float64),
        noise_night=pl.Series(nights[: made.daily.height], dtype=pl.Float64),
    )
    shown = build_view(replace(made, daily=daily))
    sites, noise = tuple(shown.sites.rows), tuple(shown.noise.rows)
    assert {site.means["pm10"].value for site in sites} == {None, 80.0, 82.0}
    assert list(sites) == sorted(
        sites,
        key=lambda site: (
            -site.exceedance_hours,
            not site.means["pm10"].valid,
            -(site.means["pm10"].value or 0),
            site.device_code,
        ),
    )
    assert [site.rank for site in sites] == [*range(1, len(sites) + 1)]
    assert {site.noise_night.value for site in noise} == {None, 50.0, 50.1}
    assert list(noise) == sorted(
        noise, key=lambda site: (-(site.noise_night.value or 0), -(site.noise_day.value or 0), site.rank)
    )


def test_heat_map_cells_tell_valid_invalid_and_missing_hours_apart(jiangsu: DustReportView) -> None:
    """An hour with 31 good minutes is ×31 without colour, an hour without data is a dash, an exceedance is marked."""
    rows = {row.device_code: row.cells for row in jiangsu.heat_maps[0].rows.rows}
    assert rows["JI-D00007"][13].state == "missing"
    states = {cell.state: cell for cells in rows.values() for cell in cells}
    assert (states["invalid"].text, states["invalid"].shade) == ("×31", None)
    assert [hour for hour, cell in enumerate(rows["JI-D00006"]) if cell.exceeded] == [9]
    assert all((cell.shade is not None) == (cell.state == "valid") for cells in rows.values() for cell in cells)


def test_an_exceedance_names_its_limit_standard_and_date(jiangsu: DustReportView) -> None:
    """Every exceedance carries value, limit, standard and the day from which the limit is in force."""
    first = jiangsu.exceedances.rows[0]
    assert (first.began, first.ended, first.limit.value) == ("08:45", "09:30", 500)
    assert (first.standard, first.effective_from) == ("DB32/4437-2022", "2023-01-01")
    assert [row.ended for row in jiangsu.exceedances.rows if row.began == "23:30"] == ["24:00"]


def test_without_a_dust_limit_the_report_says_so() -> None:
    """Guizhou has noise limits and no dust limit: no exceedance is judged and the headline says why."""
    guizhou = build_view(sample.guizhou())
    assert not guizhou.summary.limited
    assert "未配置扬尘限值" in guizhou.summary.headline.zh
    assert guizhou.parameters == ("pm10", "tsp")


@pytest.mark.parametrize(
    ("province", "city", "judged"), [("shanxi", None, 0), ("jiangsu", None, 0), ("jiangsu", "3201", 1)]
)
def test_what_could_not_be_judged_is_not_called_clean(province: str, city: str | None, judged: int) -> None:
    """Sites outside of a limit's city, or without a control station to compare with, are counted as not judged."""
    view = build_view(sample.unjudged(province, city))
    reason = {"shanxi": "unlimited", "jiangsu": "without_mean"}[province]
    assert view.summary.limited
    assert view.summary.judged == judged
    assert sum(getattr(left, reason) for left in view.summary.unjudged) == 9 - judged
    assert [limit.judged for limit in view.limits if "PM10" in limit.parameter.zh] == [judged]
    assert ("没有超标" in view.summary.headline.zh) is (judged > 0)
    assert (view.summary.uncounted is None) is (judged > 0)


def test_rates_of_a_province_are_sums_over_registered_devices(jiangsu: DustReportView) -> None:
    """The province's rate is the sum of received over the sum of expected; the unregistered device enters neither."""
    registered = sample.jiangsu().rates.filter("registered")
    whole = jiangsu.summary.transmission
    assert (whole.numerator, whole.denominator) == (registered["received"].sum(), registered["expected"].sum())
    assert jiangsu.summary.devices_unregistered == 1
    for listing in (jiangsu.by_vendor, jiangsu.by_city, jiangsu.by_project):
        assert sum(row.received for row in listing.rows) == whole.numerator
        assert sum(row.unregistered for row in listing.rows) == 1


def test_a_silent_registered_device_is_listed(jiangsu: DustReportView) -> None:
    """A device that was due and sent nothing is named."""
    assert [device.device_code for device in jiangsu.silent.rows] == ["SILENT-1"]


def test_malformed_uploads_add_up(jiangsu: DustReportView) -> None:
    """The rows by vendor and reason add up to the summary's count; the most frequent comes first."""
    counts = [row.count for row in jiangsu.rejected.rows]
    assert sum(counts) == jiangsu.summary.malformed == 70
    assert counts == sorted(counts, reverse=True)


def test_the_order_of_the_rows_does_not_matter(jiangsu: DustReportView) -> None:
    """Gold frames in any order give the same view."""
    made = sample.jiangsu()
    turned: dict[str, Any] = {name: x.reverse() if isinstance(x, pl.DataFrame) else x for name, x in vars(made).items()}
    assert build_view(DustReportInputs(**turned)) == jiangsu


def test_a_day_without_data_is_a_report_too() -> None:
    """Nothing uploaded: no figure is invented and the headline says it."""
    view = build_view(sample.silence())
    assert view.summary.headline == words()["headline.none"]
    assert (len(view.sites.rows), view.parameters, view.summary.transmission.text) == (0, (), "–")


def test_every_own_reading_is_marked_as_such() -> None:
    """Each definition states a source in both languages, and the project's own readings say so."""
    own = [d for d in definitions() if "本项目口径" in d.source.zh]
    assert len(own) >= 8
    assert all("project's own" in d.source.en or "project's own reading" in d.source.en for d in own)
    assert all(d.text.zh and d.text.en and d.source.zh and d.source.en for d in definitions())
