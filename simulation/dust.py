"""What the devices of a site measure 工地设备读数: the city's air, the site's own dust, the work's noise."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from simulation.spec import Spec
from simulation.weather import CityAir, Series, local_hours

MEASURED = ("pm2_5", "pm10", "tsp", "noise", "temperature", "humidity", "pressure", "wind_speed", "wind_direction")


def work(minutes: int, rng: np.random.Generator) -> Series:
    """How hard a site works, 0 to 1: from seven to eighteen with a rest at noon, a little in the evening."""
    hour = local_hours(minutes)
    shift = np.where((hour >= 7) & (hour < 18), 1.0, np.where((hour >= 18) & (hour < 22), 0.3, 0.03))
    rest = np.where((hour >= 12) & (hour < 13.5), 0.35, 1.0)
    return np.asarray(shift * rest * rng.uniform(0.8, 1.0, minutes), dtype=np.float64)


def device_readings(device: dict[str, Any], air: CityAir, spec: Spec, rng: np.random.Generator) -> pl.DataFrame:
    """The true readings of one device (a row of sites.devices): device, observed_at (start of the minute), MEASURED.

    Canonical units, one decimal place. PM2.5 <= PM10 <= TSP, because each is the one before and a share never negative.
    """
    step = device["interval_s"] // 60
    due = slice(0, spec.minutes, step)
    effort = work(spec.minutes, rng)[due]
    count = len(effort)
    wind = air.wind_speed[due]
    own = device["dustiness"] * effort * rng.gamma(6.0, 1 / 6.0, count) / (0.7 + 0.15 * wind)
    coarse = air.coarse[due] * rng.uniform(0.94, 1.06, count)
    pm2_5 = air.fine[due] * rng.uniform(0.94, 1.06, count) + 0.06 * own
    pm10 = pm2_5 + coarse + 0.34 * own
    street, machines = rng.normal(46, 1.5, count), rng.normal(63, 3.0, count)
    measured = {
        "pm2_5": pm2_5,
        "pm10": pm10,
        "tsp": pm10 + 0.25 * coarse + 0.6 * own,
        "noise": 10 * np.log10(10 ** (street / 10) + effort * 10 ** (machines / 10)),
        "temperature": air.temperature[due] + rng.normal(0, 0.2, count),
        "humidity": np.clip(air.humidity[due] + rng.normal(0, 1.0, count), 15, 99),
        "pressure": air.pressure[due] + rng.normal(0, 0.1, count),
        "wind_speed": wind * rng.uniform(0.6, 1.1, count),
        "wind_direction": (air.wind_direction[due] + rng.normal(0, 8, count)) % 360,
    }
    end = spec.start + timedelta(minutes=spec.minutes)
    times = pl.datetime_range(spec.start, end, f"{step}m", closed="left", time_unit="ms", eager=True)
    frame = pl.DataFrame({"observed_at": times, **measured})
    return frame.select(
        pl.lit(device["serial"], pl.Int64).alias("device"), "observed_at", *(pl.col(name).round(1) for name in MEASURED)
    ).with_columns(pl.col("wind_direction").round(0) % 360)
