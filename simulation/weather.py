"""Weather and background air of a city, minute by minute 城市气象与背景空气."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Series = NDArray[np.float64]


@dataclass(frozen=True)
class CityAir:
    """One value a minute; degC, percent, hPa, m/s, degree, ug/m3.

    fine is PM2.5 of the city's background; coarse is its PM10 - PM2.5.
    """

    temperature: Series
    humidity: Series
    pressure: Series
    wind_speed: Series
    wind_direction: Series
    fine: Series
    coarse: Series


def local_hours(minutes: int) -> Series:
    """Local hour of the day, with fraction, of every minute counted from a local midnight."""
    return np.asarray(np.arange(minutes) % 1440, dtype=np.float64) / 60


def wander(rng: np.random.Generator, minutes: int, memory_min: float) -> Series:
    """A stationary random walk of mean 0 and deviation 1 that forgets within about `memory_min` minutes."""
    forget = 1 - float(np.exp(-1 / memory_min))
    gain = np.sqrt((2 - forget) / forget)
    shocks = rng.standard_normal(minutes)
    shocks[0] /= gain  # so that the first minute already has deviation 1
    return np.asarray(gain * pl.Series(shocks).ewm_mean(alpha=forget, adjust=False).to_numpy(), dtype=np.float64)


def city_air(city: dict[str, Any], minutes: int, rng: np.random.Generator) -> CityAir:
    """Coherent weather: warm afternoons are dry and windy, calm nights are humid and gather fine dust."""
    hour = local_hours(minutes)
    warmth = np.cos((hour - 15) / 24 * 2 * np.pi)
    temperature = city["temperature"] + 5 * warmth + 1.2 * wander(rng, minutes, 360)
    humidity = np.clip(66 - 16 * warmth + 6 * wander(rng, minutes, 300), 18, 98)
    wind_speed = np.exp(0.55 + 0.35 * warmth + 0.4 * wander(rng, minutes, 120))
    wind_direction = (140 + 70 * wander(rng, minutes, 400) + 12 * rng.standard_normal(minutes)) % 360
    pressure = city["pressure"] - 1.2 * warmth + 2.5 * wander(rng, minutes, 1500)
    stagnation = 1.25 / (0.6 + 0.35 * wind_speed)
    fine = city["air"] * stagnation * np.exp(0.25 * wander(rng, minutes, 900)) * (0.8 + humidity / 300)
    dry = 1.2 - humidity / 250
    coarse = city["air"] * city["coarse"] * dry * np.exp(0.2 * wander(rng, minutes, 500))
    return CityAir(temperature, humidity, pressure, wind_speed, wind_direction, fine, coarse)
