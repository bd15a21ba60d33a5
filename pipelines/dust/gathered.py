"""All that the figures of a province's day need of its readings, gathered in one look at them (一遍汇总).

Means, rates, states and exceedances rest on the same observations: to read the day, put it in order and merge what was
sent twice is most of their work, and is done here once for all of them.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from pipelines.dust import exceedance, hourly, rates, states
from pipelines.dust.observations import observations
from pipelines.dust.readings import measured_in_parts

HANDS = 2
"""Parts that are looked at beside each other: much of the work on one occupies one core, and each takes memory."""
POSITION = ("source_topic", "source_partition", "source_offset")


@dataclass(frozen=True)
class Gathered:
    """hours: rows of dust_hourly; rates: rows of upload_rate_daily; states: rows of device_states; quarters: 15-minute
    means by parameter.

    doubled: POSITION of uploads that are more than one record: of one device and time, as what was landed twice is.
    """

    hours: pl.DataFrame
    rates: pl.DataFrame
    states: pl.DataFrame
    quarters: Mapping[str, pl.DataFrame]
    doubled: pl.DataFrame


def gather(
    readings: pl.LazyFrame,
    devices: pl.DataFrame,
    day: date,
    as_of: datetime | None,
    by_quarter: Sequence[str],
    bounds: Sequence[str] = (),
) -> Gathered:
    """Looks at the canonical dust readings of a province and day once, part by part.

    devices: its register as of the end of the day; as_of: until when a running day is judged; by_quarter: parameters of
    which quarters of an hour are wanted; bounds: codes of devices at which to part the day (`measured_in_parts`).
    """
    end_s = rates.ends(day, as_of)
    service = rates.service_of(devices, day, end_s)

    def look(hours: range, part: pl.LazyFrame) -> Gathered:
        observed = observations(part.collect())
        rows = rates.in_service(observed, service, day, end_s)
        own = observed.rows.filter(hourly.number_of_hour(day).is_between(hours.start, hours.stop, closed="left"))
        positions = observed.several.select(POSITION)
        return Gathered(
            hourly.means(own, devices, day),
            rates.came(observed, rows, day, hours),
            states.runs(rows, hours),
            {parameter: exceedance.quarters(own, devices, day, parameter) for parameter in by_quarter},
            positions.filter(positions.is_duplicated()).unique(),
        )

    parts = measured_in_parts(readings, day, rates.spill(service), bounds)
    with ThreadPoolExecutor(HANDS) as hands:
        found = list(hands.map(look, *zip(*parts, strict=True)))
    return Gathered(
        hourly.finished([part.hours for part in found], day),
        rates.finished([part.rates for part in found], service, day),
        states.device_states([part.states for part in found], service, devices, day, end_s),
        {name: pl.concat(part.quarters[name] for part in found) for name in by_quarter},
        pl.concat(part.doubled for part in found).unique(),
    )
