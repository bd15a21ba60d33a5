"""The closed sets and bounds that the expectations check against (取值范围)."""

PERIODS = ("instant", "minute", "15min", "hour", "day")
PARAMETERS = ("pm2_5", "pm10", "tsp", "noise")
LEVELS = ("warning", "alarm")
QUALITY_FLAGS = (1, 2, 3, 4, 9)
"""QARTOD: good, not evaluated, suspect, fail, missing."""

REASONS = (
    "unframed",
    "unknown_schema",
    "wrong_subject",
    "undecodable",
    "missing_field",
    "bad_number",
    "bad_time",
    "future_time",
    "bad_code",
    "bad_identifier",
    "oversized",
    "empty",
)

FEEDS_AHEAD_S = 600
"""Seconds that an observation may lie after its receipt; later ones are rejected as future_time by the normaliser."""
