"""How much of its time a mean must cover to be valid (有效性): the one place of these numbers."""

VALID_MINUTES = 45
"""An hour: 45 minutes' worth of good readings (practice of HJ 655 and HJ 663; rules.md)."""
QUARTER_NUM, QUARTER_DEN = 3, 4
"""A quarter of an hour: three quarters of the uploads that any quarter must hold (本项目口径)."""
VALID_HOURS = {"pm2_5": 20, "pm10": 20, "tsp": 24}
"""A day: valid hourly means (GB 3095-2012 table 4)."""
GAS_HOURS = 20
"""A day of a gas: hours with a value (GB 3095-2012 table 4)."""
OZONE_WINDOW, OZONE_HOURS, OZONE_WINDOWS = 8, 6, 14
"""O3: 8-hour means of at least 6 valid hours; at least 14 of the 17 that lie within the day (GB 3095-2012, HJ 663)."""
NOISE_HOURS = {"day": 12, "night": 6}
"""Noise of a day or night: three quarters of its 16 or 8 hours, valid each (本项目口径)."""
