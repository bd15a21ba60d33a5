"""The closed sets and bounds that the expectations check against (取值范围)."""

from pipelines.mapping.times import FUTURE_TOLERANCE

PERIODS = ("instant", "minute", "15min", "hour", "day")
PARAMETERS = ("pm2_5", "pm10", "tsp", "noise")
AVERAGING = ("15min", "1h", "24h", "day", "night")
JUDGEMENTS = ("absolute", "difference", "count")
LEVELS = ("warning", "alarm")
STATES_OF_DEVICES = ("online", "offline", "stopped")
QUALITY_FLAGS = (1, 2, 3, 4, 9)
"""QARTOD: good, not evaluated, suspect, fail, missing."""

FEEDS_AHEAD_S = FUTURE_TOLERANCE.total_seconds()
"""Seconds that an observation may lie after its receipt; later ones are rejected as future_time by the normaliser."""
