"""What of the registers names and places a point of a report (点位).

A tenth of their columns, none of which says who owns a site.
"""

DEVICE = ("device_code", "device_name", "device_vendor", "project_code", "adcode", "longitude", "latitude")
PROJECT = ("project_code", "project_name", "adcode", "phase")
