"""Invented projects and their devices 虚构的工地与设备: all names and numbers are made up, only city codes are real."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from stdnum.cn import uscc

from simulation.spec import Spec, world

PHASES = ("earthwork", "structure", "finishing", "demolition")
LOTS = "一二三四五六七八九十"


def invented_uscc(adcode: str, number: int) -> str:
    """A unified social credit code with a right check digit whose organisation part is plainly invented."""
    stem = f"91{adcode}MAXX{number:05d}"
    return stem + str(uscc.calc_check_digit(stem))


def projects(spec: Spec) -> pl.DataFrame:
    """One row a project: code, province, city, adcode, place, parties, size, phase, dates, dustiness.

    dustiness: ug/m3 of TSP at full work. Dates are UTC instants of local midnights.
    """
    rows = [
        _project(spec, province, index)
        for province in spec.provinces
        for index in range(-(-_devices_of(spec, province) // int(world()["devices_per_project"])))
    ]
    return pl.DataFrame(rows)


def devices(spec: Spec, sites: pl.DataFrame) -> pl.DataFrame:
    """One row a device: code, project, place, vendor, interval_s, registered, installed_at, dustiness.

    The last device of each province uploads every 300 s; with faults, one more a province uploads unregistered.
    """
    return pl.concat([_devices_of_province(spec, province, sites) for province in spec.provinces])


def _devices_of(spec: Spec, province: str) -> int:
    share, rest = divmod(spec.devices, len(spec.provinces))
    return share + (spec.provinces.index(province) < rest)


def _project(spec: Spec, province: str, index: int) -> dict[str, Any]:
    feed = list(world()["provinces"]).index(province)
    rng = spec.generator(1, feed, index)
    cities = world()["provinces"][province]["cities"]
    city = cities[index % len(cities)]
    serial = 100 * (feed + 1) + index
    shape = world()["provinces"][province]["project_code"]
    began = spec.start - timedelta(days=int(rng.integers(90, 400)))
    return {
        "serial": serial,
        "project_code": shape.format(adcode=city["adcode"], serial=serial, lot=serial % 100, began=began),
        "province": province,
        "city": city["name"],
        "adcode": city["adcode"],
        "name": f"{city['name']}示例{LOTS[index % 10]}号地块" + (f"{index // 10 + 1}期" if index >= 10 else ""),
        "building": index % 3 != 2,
        "longitude": round(city["longitude"] + float(rng.normal(0, 0.05)), 6),
        "latitude": round(city["latitude"] + float(rng.normal(0, 0.04)), 6),
        "owner": f"示例建设开发{serial}有限公司",
        "owner_uscc": invented_uscc(city["adcode"], 3 * serial),
        "contractor": f"示例建筑工程{serial}有限公司",
        "contractor_uscc": invented_uscc(city["adcode"], 3 * serial + 1),
        "supervisor": f"示例监理{serial}有限公司",
        "supervisor_uscc": invented_uscc(city["adcode"], 3 * serial + 2),
        "area_m2": float(rng.integers(15, 180) * 1000),
        "cost_yuan": float(rng.integers(2000, 60000) * 10000),
        "phase": PHASES[index % len(PHASES)],
        "progress": float(rng.integers(5, 95)),
        "began": began,
        "ends": spec.start + timedelta(days=int(rng.integers(100, 700))),
        "dustiness": float(rng.gamma(4.0, 45.0)),
    }


def _devices_of_province(spec: Spec, province: str, sites: pl.DataFrame) -> pl.DataFrame:
    count = _devices_of(spec, province)
    rng = spec.generator(2, list(world()["provinces"]).index(province))
    own = sites.filter(pl.col("province") == province)
    total = count + spec.faults
    shape = world()["provinces"][province]["device_code"]
    dice = rng.standard_normal((total, 3))  # a row a device, so that one more changes no other
    row = np.arange(total)
    site = own[(row // int(world()["devices_per_project"])) % own.height]
    vendors = world()["provinces"][province]["vendors"]
    bounds = np.cumsum([vendor["share"] for vendor in vendors])
    chosen = np.minimum(np.searchsorted(bounds, (row + 0.5) / total), len(vendors) - 1)
    serials = (site["serial"] * 100 + row).to_list()
    codes = [shape.format(adcode=adcode, serial=serial) for adcode, serial in zip(site["adcode"], serials, strict=True)]
    return pl.DataFrame(
        {
            "serial": serials,
            "device_code": codes,
            "project_code": site["project_code"],
            "province": [province] * total,
            "city": site["city"],
            "adcode": site["adcode"],
            "longitude": (site["longitude"] + 0.001 * dice[:, 0]).round(6),
            "latitude": (site["latitude"] + 0.001 * dice[:, 1]).round(6),
            "vendor": [vendors[i]["code"] for i in chosen],
            "vendor_name": [vendors[i]["name"] for i in chosen],
            "milligrams": [bool(vendors[i].get("milligrams")) for i in chosen],
            "interval_s": np.where(row == count - 1, 300, 60),
            "registered": row < count,
            "installed_at": site["began"] + timedelta(days=20),
            "dustiness": site["dustiness"] * np.exp(0.2 * dice[:, 2]),
        }
    )
