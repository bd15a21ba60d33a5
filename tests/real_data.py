"""Real public readings as uploads: the files of the shared data folder, put into the provinces' dialects.

The files are read where they lie and are no part of the project; a test that needs one that is absent is skipped.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipelines.catalog import Catalog
from pipelines.names import raw_topic
from simulation.encode import Encoder, Registry
from simulation.send import send
from sitehub.landed import await_landed
from sitehub.services import workers
from sitehub.settings import Settings
from store.gold import upgrade
from tests.conftest import SHARED_DATA, Stack
from tests.contract import CATALOG

LOCAL = ZoneInfo("Asia/Shanghai")
STATION_HOURS = "stations/cnemc_hourly_2019_five_cities_long.csv.gz"
STATION_LIST = "stations/NewSiteList.utf8.csv"
PUBLISHED_AFTER = timedelta(minutes=25)  # after the hour ends
SENT_AFTER = timedelta(seconds=5)
COLUMNS = {"topic": pl.String, "key": pl.Binary, "value": pl.Binary, "guid": pl.Binary, "timestamp": pl.Int64}


def shared(name: str) -> Path:
    """A file of the shared data; the test is skipped where it is absent."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"{path} is absent: this test needs the shared public data beside the project")
    return path


def carry(stack: Stack, home: Path, feeds: list[str], uploads: Callable[[Catalog, Registry], pl.DataFrame]) -> Settings:
    """Send uploads through the real broker, normalisers and landing; returns the settings of the lake they are in."""
    chosen = Settings(home=home, bootstrap_servers=stack.bootstrap_servers, registry_url=stack.registry_url)
    ids = stack.provision(timestamps="CreateTime")
    upgrade(chosen.gold_url)
    stack.supervisor.start(workers(chosen, feeds))
    send(uploads(CATALOG, Registry(ids.__getitem__)), stack.bootstrap_servers)
    await_landed(chosen, stack.supervisor.check)
    return chosen


def station_table(first: date, days: int) -> pl.DataFrame:
    """Published hours whose START lies in the local days asked for, with code, name, place and the label's instant."""
    hours = pl.read_csv(shared(STATION_HOURS), schema_overrides={"date": pl.String, "CO": pl.Float64})
    places = pl.read_csv(shared(STATION_LIST)).select(
        station="监测点编码", name="监测点名称", city="城市", lon="经度", lat="纬度"
    )
    label = pl.col("date").str.to_datetime("%Y%m%d", time_unit="ms") + pl.duration(hours=pl.col("hour"))
    start = datetime.combine(first, datetime.min.time())
    return (
        hours.with_columns(label.alias("label"))
        .filter(pl.col("label") > start, pl.col("label") <= start + timedelta(days=days))
        .join(places, on="station", how="left", maintain_order="left")
        .with_columns(pl.col("lon", "lat").cast(pl.Float64, strict=False))
        .sort("label", "station")
    )


def station_uploads(table: pl.DataFrame, catalog: Catalog, registry: Registry) -> pl.DataFrame:
    """The hours as uploads of the national feed: every second station as JSON, the others as Avro."""
    encoder = _encoder("national", "station-reading", catalog, registry)
    own = {"code": "station", "PM2_5": "PM2.5", "PM2_5_24h": "PM2.5_24h"}
    rows = []
    for row in table.iter_rows(named=True):
        record = {name: row[own.get(name, name)] for name in encoder.json_names}
        record |= {name: float(value) for name, value in record.items() if isinstance(value, int) and name != "hour"}
        received = row["label"].replace(tzinfo=LOCAL) + PUBLISHED_AFTER
        as_json = row["station"][-2] in "02468"
        rows.append(_upload("raw.national.station-reading", row["station"], record, encoder, as_json, received))
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def sensor_table(number: int, climate: int, windows: list[tuple[date, int]]) -> pl.DataFrame:
    """A dust sensor's readings in file order with the weather sensor's values beside: observed (UTC), P1, P2,
    temperature, humidity, received.

    windows: (first local day, number of days). Received is a little after observation, and never runs backwards: what
    the file has out of order arrived late.
    """
    dust = _sensor_file(f"sensors/sds011_{number}.csv.gz", ["P1", "P2"])
    weather = _sensor_file(f"sensors/dht22_{climate}.csv.gz", ["temperature", "humidity"]).sort("observed")
    beside = (
        dust.with_row_index()
        .sort("observed")
        .join_asof(weather, on="observed", strategy="nearest", tolerance="75s")
        .sort("index")
    )
    parts = [
        beside.filter(pl.col("observed").is_between(_midnight(first), _midnight(first + timedelta(days=days)), "left"))
        for first, days in windows
    ]
    table = pl.concat(parts).drop("index")
    return table.with_columns((pl.col("observed") + SENT_AFTER).cum_max().alias("received"))


def sensor_uploads(
    table: pl.DataFrame, province: str, device: str, project: str, catalog: Catalog, registry: Registry
) -> pl.DataFrame:
    """Project, device and readings of one sensor as uploads in a province's dialect."""
    first = table["received"][0]
    rows = []
    for kind, record in _registers(province, device, project, first - timedelta(days=2)):
        encoder = _encoder(province, kind, catalog, registry)
        rows.append(_upload(raw_topic(province, kind), device, record, encoder, True, first - timedelta(hours=1)))
    encoder = _encoder(province, "dust-reading", catalog, registry)
    empty = dict.fromkeys(encoder.json_names)
    speak = {"sichuan": _sichuan, "jiangsu": _jiangsu, "shanxi": _shanxi}[province]
    topic = raw_topic(province, "dust-reading")
    for row in table.iter_rows(named=True):
        record = empty | speak(row, device, project)
        rows.append(_upload(topic, device, record, encoder, province == "jiangsu", row["received"]))
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _sichuan(row: dict[str, Any], device: str, project: str) -> dict[str, Any]:
    return {
        "ProjectCode": project,
        "DeviceCode": device,
        "MonitorTime": f"{row['observed'].astimezone(LOCAL):%Y%m%d%H%M%S}",
        "Pm25": row["P2"],
        "Pm10": row["P1"],
        "Temperature": row["temperature"],
        "Humidity": row["humidity"],
    }


def _jiangsu(row: dict[str, Any], device: str, project: str) -> dict[str, Any]:
    number, _, authority = project.partition("-")
    return {
        "deviceId": device,
        "recordNumber": number,
        "belongedTo": authority,
        "pm2dot5": row["P2"],
        "pm10": row["P1"],
        "temperature": row["temperature"],
        "humidity": row["humidity"],
        "moniterTime": f"{row['observed'].astimezone(LOCAL):%Y-%m-%d %H:%M:%S}",
    }


def _shanxi(row: dict[str, Any], device: str, project: str) -> dict[str, Any]:
    return {
        "DataType": "Min",
        "ProjectId": project,
        "DeviceId": device,
        "PM10": _text(row["P1"]),
        "PM2_5": _text(row["P2"]),
        "Temperature": _text(row["temperature"]),
        "Humidity": _text(row["humidity"]),
        "RecDate": f"{row['observed'].astimezone(LOCAL):%Y-%m-%d %H:%M:%S}",
    }


def _registers(province: str, device: str, project: str, since: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Project and device of a sensor that is due every 150 s since some time."""
    local = since.astimezone(LOCAL)
    dashed, compact = f"{local:%Y-%m-%d %H:%M:%S}", f"{local:%Y%m%d%H%M%S}"
    if province == "sichuan":
        yield "project", {"ProjectCode": project, "ProjectName": "示例传感器", "UpdateTime": compact}
        yield (
            "device",
            {
                **{"DeviceCode": device, "ProjectCode": project, "MonitorType": "dustdetection", "UploadInterval": 150},
                **{"InstallDate": f"{local:%Y%m%d}", "UpdateTime": compact},
            },
        )
    elif province == "jiangsu":
        site = dict(zip(("recordNumber", "belongedTo"), project.split("-"), strict=True))
        yield "project", {**site, "projectName": "示例传感器", "updateTime": dashed}
        yield (
            "device",
            {
                **{**site, "deviceId": device, "deviceType": "扬尘", "interval": 150},
                **{"installDate": f"{local:%Y-%m-%d}", "updateTime": dashed},
            },
        )
    else:
        yield "project", {"ProjectId": project, "ProjectName": "示例传感器", "RecDate": dashed}
        yield (
            "device",
            {
                **{"DeviceId": device, "ProjectId": project, "DeviceType": "1", "Interval": "150"},
                **{"InstallDate": f"{local:%Y-%m-%d}", "RecDate": dashed},
            },
        )


def _sensor_file(name: str, values: list[str]) -> pl.DataFrame:
    table = pl.read_csv(shared(name), separator=";", columns=["timestamp", *values])
    observed = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ms", time_zone="UTC")
    return table.select(observed.alias("observed"), *values)


def _encoder(province: str, kind: str, catalog: Catalog, registry: Registry) -> Encoder:
    raw = catalog.raw[province, kind]
    return Encoder.of(raw.subject, raw.schema, registry)


def _upload(
    topic: str, key: str, record: dict[str, Any], encoder: Encoder, as_json: bool, received: datetime
) -> tuple[str, bytes, bytes, None, int]:
    value = encoder.json(record) if as_json else encoder.framed(record)
    return topic, key.encode(), value, None, round(received.timestamp() * 1000)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), LOCAL).astimezone(UTC)


def _text(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
