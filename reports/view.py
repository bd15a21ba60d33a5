"""From gold frames to the view of a dust report (扬尘监测日报): pure, and the same for the same frames."""

from datetime import date

from babel.dates import format_date

from reports.charts import day_curve, trend
from reports.findings import exceedances, limits_in_force, references, rejected
from reports.heat import heat_map, parameters_sent
from reports.inputs import DustReportInputs
from reports.judged import judged
from reports.model import DustReportView, Listing, Provenance
from reports.rates import by_city, by_project, by_vendor, located, silent, total
from reports.sites import Places, noisy, sites
from reports.summary import summary
from reports.tables import tables
from reports.words import Text, definitions, province_name, word

SHOWN_SITES = 60
"""points on a page; a province may have 15,000"""
SHOWN_ROWS = 40


def build_view(inputs: DustReportInputs) -> DustReportView:
    """All figures, texts and orders of the report of one province and day."""
    names = Places(inputs.devices, inputs.projects)
    ranked = sites(inputs, names)
    rates, sent = located(inputs.rates, names), parameters_sent(inputs.hours)
    of_limits = judged(inputs)
    return DustReportView(
        province=inputs.province,
        province_name=province_name(inputs.province),
        day=inputs.day.isoformat(),
        day_text=_day_text(inputs.day),
        parameters=sent,
        summary=summary(inputs, of_limits, names, total(rates), sent),
        curve=day_curve(inputs.hours, sent),
        trend=trend(inputs.daily, inputs.recent, inputs.day),
        sites=Listing(ranked, SHOWN_SITES),
        heat_maps=tuple(heat_map(p, ranked.source, names, inputs.hours, inputs.exceedances, SHOWN_SITES) for p in sent),
        noise=Listing(noisy(ranked), SHOWN_ROWS),
        exceedances=exceedances(inputs, names, SHOWN_ROWS),
        limits=limits_in_force(inputs.limits, of_limits.by),
        references=references(inputs.reference, names, SHOWN_ROWS),
        by_vendor=by_vendor(rates, SHOWN_ROWS),
        by_city=by_city(rates, SHOWN_ROWS),
        by_project=by_project(rates, names, SHOWN_ROWS),
        silent=silent(rates, names, SHOWN_ROWS),
        rejected=rejected(inputs.rejected, SHOWN_ROWS),
        definitions=definitions(),
        mappings=tuple(
            Provenance(m["name"], word("provenance", m["provenance"]), m["source"]) for m in inputs.mappings
        ),
        code_version=inputs.code_version,
        tables=tables(inputs),
    )


def _day_text(day: date) -> Text:
    return Text(format_date(day, "full", locale="zh_CN"), format_date(day, "full", locale="en"))
