"""National control stations of the simulated cities, hour by hour 虚构的国控点: the air the sites stand in."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from simulation.spec import Spec, world
from simulation.weather import CityAir, Series, local_hours

POLLUTANTS = ("pm2_5", "pm10", "so2", "no2", "o3", "co")


def stations(spec: Spec) -> pl.DataFrame:
    """One row a station: code (invented, 9xxxA), name, province, city, longitude, latitude."""
    rows = [
        {
            "code": f"9{100 * feed + 10 * place + number:03d}A",
            "name": f"{city['name']}示例{'东西南北'[number % 4]}站",
            "province": province,
            "city": city["name"],
            "longitude": round(city["longitude"] + (0.04, -0.05)[number % 2], 4),
            "latitude": round(city["latitude"] + (0.02, -0.03)[number % 2], 4),
        }
        for feed, province in enumerate(spec.provinces, 1)
        for place, city in enumerate(world()["provinces"][province]["cities"])
        for number in range(world()["stations_per_city"])
    ]
    return pl.DataFrame(rows)


def station_hours(station: dict[str, Any], air: CityAir, spec: Spec, rng: np.random.Generator) -> pl.DataFrame:
    """Published hours of one station: station (code), observed_at (start of the hour), POLLUTANTS, running 24-h means.

    ug/m3, CO mg/m3; whole numbers as the national feed has them, CO with one decimal.
    """
    hours = spec.minutes // 60
    hour = local_hours(spec.minutes)[::60]
    fine, coarse = (
        _hourly(air.fine) * rng.uniform(0.92, 1.08, hours),
        _hourly(air.coarse) * rng.uniform(0.9, 1.1, hours),
    )
    sun = np.clip(np.cos((hour - 14) / 24 * 2 * np.pi), 0, None)
    rush = np.exp(-(((hour - 8) / 2) ** 2)) + np.exp(-(((hour - 19) / 3) ** 2))
    gases = {
        "so2": rng.uniform(4, 9, hours),
        "no2": 18 + 22 * rush + rng.uniform(0, 8, hours),
        "o3": 25 + 90 * sun + rng.uniform(0, 12, hours),
        "co": 0.5 + 0.3 * rush + rng.uniform(0, 0.2, hours),
    }
    end = spec.start + timedelta(hours=hours)
    times = pl.datetime_range(spec.start, end, "1h", closed="left", time_unit="ms", eager=True)
    frame = pl.DataFrame({"observed_at": times, "pm2_5": fine, "pm10": fine + coarse, **gases})
    whole = frame.with_columns(pl.col(name).round(1 if name == "co" else 0) for name in POLLUTANTS)
    running = [
        pl.col(name).rolling_mean(24, min_samples=20).round(0).alias(f"{name}_24h") for name in ("pm2_5", "pm10")
    ]
    return whole.with_columns(pl.lit(station["code"]).alias("station"), *running)


def _hourly(series: Series) -> Series:
    return np.asarray(series.reshape(-1, 60).mean(axis=1), dtype=np.float64)
