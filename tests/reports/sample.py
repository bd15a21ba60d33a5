"""A province's day as gold frames, made up but whole: the same on every run, with every oddity a report must bear."""

from datetime import UTC, date, datetime, timedelta
from math import cos, pi
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.dust.hourly import HOURS
from pipelines.limits import Limits
from reports.inputs import DustReportInputs
from store.tables import DAILY, HISTORIES, frame_schema

DAY = date(2026, 3, 3)
ZONE = ZoneInfo("Asia/Shanghai")
MIDNIGHT = datetime(DAY.year, DAY.month, DAY.day, tzinfo=ZONE)
HOSTILE_FORMULA = "=cmd|'/C calc'!A0"
HOSTILE_MARKUP = '<script>alert(1)</script>#read("/etc/passwd")*[]$'
VENDORS = ("江南智造", "绿测科技", "中环物联", None)
NAMES = (
    "南京江北新区中央商务区综合管廊工程",
    "苏州工业园区星湖街地下空间开发项目（二期）",
    "无锡太湖新城文化艺术中心",
    "徐州淮海国际陆港铁路物流基地一期土石方及地基处理工程施工总承包（含附属道路、管网与绿化恢复）",
    "常州奔牛港保障性住房项目",
    "南通沿江科创带标准厂房",
    "连云港新医科园区",
    "淮安高铁新区安置房三标段",
    "盐城滨海医院迁建",
    "扬州运河大剧院配套",
    "镇江官塘创新社区",
    "泰州华侨城生态修复",
    "宿迁马陵公园更新改造",
    HOSTILE_FORMULA,
    HOSTILE_MARKUP,
    "南京河西鱼嘴金融集聚区",
    "苏州相城高铁新城医院",
    "无锡锡东新城学校",
    "徐州经开区人才公寓",
    "常州科教城实训基地",
    "南通通州湾污水处理厂",
    "扬州广陵新城实验学校",
    "镇江句容福地新城",
    "泰州医药高新区孵化器",
)
CITIES = ("3201", "3205", "3202", "3203", "3204", "3206", "3207", "3208", "3209", "3210", "3211", "3212", "3213")


def jiangsu(sites: int = len(NAMES)) -> DustReportInputs:
    """Jiangsu: PM10, PM2.5, TSP and noise, limits in force, stations, an unregistered and a silent device."""
    return _inputs("jiangsu", sites, ("pm10", "pm2_5", "tsp"), Limits.load().rows("jiangsu", DAY))


def guizhou() -> DustReportInputs:
    """Guizhou: no noise and no dust limit with a known number."""
    made = _inputs("guizhou", 9, ("pm10", "tsp"), Limits.load().rows("guizhou", DAY))
    return _replaced(made, exceedances=made.exceedances.clear(), reference=made.reference.clear())


def unjudged(province: str, city: str | None = None) -> DustReportInputs:
    """Nine devices with PM10 alone and no exceedance; control stations in one city, if any."""
    made = _inputs(province, 9, ("pm10",), Limits.load().rows(province, DAY))
    stations = made.hours.filter(pl.col("device_code") == made.hours["device_code"][0]).with_columns(
        device_code=pl.lit("1001A"), adcode=pl.lit(city)
    )
    return _replaced(made, exceedances=made.exceedances.clear(), station_hours=stations if city else made.station_hours)


def silence() -> DustReportInputs:
    """A day on which nothing was uploaded."""
    made = _inputs("shanxi", 3, ("pm10",), ())
    empty = ("daily", "hours", "rates", "exceedances", "reference", "rejected", "recent", "projects", "devices")
    return _replaced(made, **{name: getattr(made, name).clear() for name in empty})


def _replaced(made: DustReportInputs, **frames: pl.DataFrame) -> DustReportInputs:
    return DustReportInputs(**{**made.__dict__, **frames})


def _inputs(
    province: str, sites: int, parameters: tuple[str, ...], limits: tuple[dict[str, Any], ...]
) -> DustReportInputs:
    codes = [f"{province[:2].upper()}-D{place:05d}" for place in range(sites)]
    hours = [row for place, code in enumerate(codes) for row in _hours(province, place, code, parameters)]
    daily = [_daily(province, place, code, hours, parameters) for place, code in enumerate(codes)]
    return DustReportInputs(
        province=province,
        day=DAY,
        daily=_frame("dust_daily", daily),
        hours=pl.DataFrame(hours, schema=HOURS, orient="row"),
        rates=_frame(
            "upload_rate_daily",
            [*(_rates(province, place, code) for place, code in enumerate(codes)), _silent(province)],
        ),
        exceedances=_frame("exceedance", _exceedances(province, codes)),
        reference=_frame(
            "station_reference", [_reference(province, place, code) for place, code in enumerate(codes[:12])]
        ),
        rejected=_frame("rejected_daily", _rejected(province)),
        projects=_register("project", [_project(province, place) for place in range(sites)]),
        devices=_register("device", [_device(province, place, code) for place, code in enumerate(codes) if place != 5]),
        recent=_frame(
            "dust_daily",
            [
                _earlier(province, back, code, place)
                for back in range(1, 30)
                if back not in (8, 9)
                for place, code in enumerate(codes[:6])
            ],
        ),
        station_hours=pl.DataFrame(schema=HOURS),
        limits=limits,
        mappings=(
            _mapping(
                f"{province}/dust-reading@1f0c8a92b7de", "second-hand", "实施者公开的转发程序（字段、单位与时间格式）"
            ),
            _mapping(f"{province}/device@77ab01c2f3d4", "assumed", "没有公开文本，按需求文件的字段设定"),
        ),
        code_version="0.1.0",
    )


def _mapping(name: str, provenance: str, source: str) -> dict[str, str]:
    return {"name": name, "provenance": provenance, "source": source}


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=frame_schema(DAILY[table]), orient="row")


def _register(kind: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Register states that hold since the day before, with the envelope that every record has."""
    schema, since = frame_schema(HISTORIES[kind]), (MIDNIGHT - timedelta(days=1)).astimezone(UTC)
    source = {"source_topic": f"raw.x.{kind}", "source_partition": 0, "quality": 2, "mapping": f"x/{kind}@0"}
    envelope = source | {"observed_at": since, "received_at": since, "valid_from": since}
    whole = [
        {**envelope, **row, "event_id": f"{kind}:{place}", "source_offset": place} for place, row in enumerate(rows)
    ]
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in whole], schema=schema, orient="row")


def _level(place: int, hour: int) -> float:
    """A day's dust: low at night, high in the morning and late afternoon, more at some sites."""
    return (45 + 9 * (place % 7)) * (1 + 0.55 * cos((hour - 9) * pi / 6)) + 3 * ((place * 7 + hour * 5) % 11)


def _hours(province: str, place: int, code: str, parameters: tuple[str, ...]) -> list[dict[str, Any]]:
    factor = {"pm10": 1.0, "pm2_5": 0.52, "tsp": 2.1}
    rows = []
    for hour in range(24):
        if place == 7 and hour > 12:
            continue
        good = 31 if (place + hour) % 23 == 0 else 60 - (place + hour) % 4
        row: dict[str, Any] = dict.fromkeys(HOURS)
        row |= {
            "province": province,
            "day": DAY.isoformat(),
            "hour_start": (MIDNIGHT + timedelta(hours=hour)).astimezone(UTC),
            "device_code": code,
            "readings": good,
            "duplicates": 1,
        }
        for parameter in (*factor, "noise"):
            row |= {f"{parameter}_n": 0, f"{parameter}_valid": False}
        for parameter in parameters:
            row |= {
                parameter: _level(place, hour) * factor[parameter],
                f"{parameter}_n": good,
                f"{parameter}_valid": good >= 45,
            }
        rows.append(row)
    return rows


def _daily(
    province: str, place: int, code: str, hours: list[dict[str, Any]], parameters: tuple[str, ...]
) -> dict[str, Any]:
    mine = [row for row in hours if row["device_code"] == code]
    row: dict[str, Any] = {"province": province, "day": DAY.isoformat(), "subject": "device", "device_code": code}
    row["project_code"] = None if place == 5 else _project_code(province, place)
    for parameter in ("pm2_5", "pm10", "tsp"):
        valid = [hour[parameter] for hour in mine if hour[f"{parameter}_valid"]]
        needed = 24 if parameter == "tsp" else 20
        mean = sum(valid) / len(valid) if valid else None
        row |= {parameter: mean, f"{parameter}_hours": len(valid), f"{parameter}_valid": len(valid) >= needed}
        row[f"{parameter}_reported"] = mean + 1.4 if mean and parameter == "pm10" and place % 3 == 0 else None
    noisy = province != "guizhou"
    row |= {"noise_day": 62.04 + place % 9 if noisy else None, "noise_day_hours": 16 if noisy else 0}
    row |= {
        "noise_night": 49.35 + place % 8 if noisy else None,
        "noise_night_hours": (8 if place % 5 else 5) if noisy else 0,
    }
    row |= {
        "aqi": 60 + place if parameters[:2] == ("pm10", "pm2_5") else None,
        "primary_pollutant": "pm10",
        "aqi_standard": "HJ 633-2026",
    }
    return row | {
        "readings": 1400 - place,
        "duplicates": 3 * (place % 4),
        "mapping": f"{province}/dust-reading@1f0c8a92b7de",
        "code_version": "0.1.0",
    }


def _rates(province: str, place: int, code: str) -> dict[str, Any]:
    registered = place != 5
    received = 1440 if place == 0 else 1439 if place == 1 else 780 if place == 7 else 1400 - 9 * place
    return {
        "province": province,
        "day": DAY.isoformat(),
        "device_code": code,
        "project_code": _project_code(province, place) if registered else None,
        "vendor": VENDORS[place % len(VENDORS)],
        "adcode": _adcode(province, place) if registered else None,
        "registered": registered,
        "interval_s": 60 if registered else None,
        "expected": 1440 if registered else None,
        "received": received,
        "valid": received - 4 * (place % 6),
        "on_time": received - 5 * (place % 3),
        "late": 5 * (place % 3),
        "hours_expected": 24 if registered else None,
        "hours_returned": 24 - (11 if place == 7 else place % 2),
        "online_minutes": 1435 - place,
        "in_service_minutes": 1440 if registered else None,
        "mapping": f"{province}/dust-reading@1f0c8a92b7de",
        "code_version": "0.1.0",
    }


def _silent(province: str) -> dict[str, Any]:
    silent = _rates(province, 3, "SILENT-1")
    return silent | {
        "received": 0,
        "valid": 0,
        "on_time": 0,
        "late": 0,
        "hours_returned": 0,
        "online_minutes": 0,
        "mapping": None,
    }


def _exceedances(province: str, codes: list[str]) -> list[dict[str, Any]]:
    def one(
        place: int,
        parameter: str,
        averaging: str,
        judgement: str,
        value: float,
        limit: float,
        began: float,
        hours: float,
    ) -> dict[str, Any]:
        instant = (MIDNIGHT + timedelta(hours=began)).astimezone(UTC)
        ids = {"tsp": "jiangsu-tsp-15min", "pm10": "jiangsu-pm10-1h-difference", "noise": "noise-night-2025"}
        return {
            "province": province,
            "day": DAY.isoformat(),
            "device_code": codes[place % len(codes)],
            "limit_id": ids[parameter],
            "began": instant,
            "ended": instant + timedelta(hours=hours),
            "project_code": _project_code(province, place % len(codes)),
            "parameter": parameter,
            "averaging": averaging,
            "judgement": judgement,
            "level": "alarm",
            "value": value,
            "reference_value": 61.4 if judgement == "difference" else None,
            "limit_value": limit,
            "unit": "dB(A)" if parameter == "noise" else "ug/m3",
            "standard": "GB 12523-2025" if parameter == "noise" else "DB32/4437-2022",
            "code_version": "0.1.0",
        }

    return [
        one(6, "tsp", "15min", "absolute", 612.5, 500, 8.75, 0.75),
        one(6, "pm10", "1h", "difference", 97.2, 80, 9, 1),
        one(13, "pm10", "1h", "difference", 84.0, 80, 9, 2),
        one(20, "tsp", "15min", "absolute", 533.1, 500, 23.5, 0.5),
        one(7, "noise", "night", "absolute", 56.35, 55, 22, 8),
    ]


def _reference(province: str, place: int, code: str) -> dict[str, Any]:
    site, station = 62.0 + 8.5 * (place % 7), 60.5 + 2 * (place % 3)
    return {
        "province": province,
        "day": DAY.isoformat(),
        "device_code": code,
        "parameter": "pm10",
        "project_code": _project_code(province, place),
        "station_code": f"{1141 + place}A",
        "station_name": ("迈皋桥", "玄武湖", "草场门", "瑞金路")[place % 4],
        "distance_km": 1.26 + 2.2 * place,
        "hours": 23,
        "site_mean": site,
        "station_mean": station,
        "deviation": site - station,
        "deviation_percent": 100 * (site - station) / station,
        "code_version": "0.1.0",
    }


def _rejected(province: str) -> list[dict[str, Any]]:
    rows = [
        ("江南智造", "bad_time", "observed_at", 41),
        ("绿测科技", "missing_field", "device_code", 18),
        ("", "undecodable", "", 7),
        ("中环物联", "future_time", "observed_at", 3),
        ("绿测科技", "bad_number", "pm10", 1),
    ]
    return [
        {
            "province": province,
            "day": DAY.isoformat(),
            "vendor": vendor,
            "kind": "dust-reading",
            "reason": reason,
            "field": field,
            "count": count,
        }
        for vendor, reason, field, count in rows
    ]


def _earlier(province: str, back: int, code: str, place: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(frame_schema(DAILY["dust_daily"]))
    row |= {
        "province": province,
        "day": (DAY - timedelta(days=back)).isoformat(),
        "subject": "device",
        "device_code": code,
    }
    return row | {"pm10": 70.0 + 30 * cos(back / 3) + place, "pm10_valid": True, "pm10_hours": 24}


def _project_code(province: str, place: int) -> str:
    return f"AJ{_adcode(province, place)}2025{place:03d}"


def _adcode(province: str, place: int) -> str:
    return f"520{1 + place % 3}03" if province == "guizhou" else f"{CITIES[place % len(CITIES)]}02"


def _project(province: str, place: int) -> dict[str, Any]:
    return {
        "province": province,
        "project_code": _project_code(province, place),
        "project_name": NAMES[place % len(NAMES)],
        "adcode": _adcode(province, place),
        "status": "building",
    }


def _device(province: str, place: int, code: str) -> dict[str, Any]:
    return {
        "province": province,
        "device_code": code,
        "device_name": f"扬尘监测仪 {place}",
        "project_code": _project_code(province, place),
        "expected_interval_s": 60,
    }
