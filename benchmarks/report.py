"""RESULTS.md and docs/scale.md (报告), written from the results alone; no figure is typed by hand."""

import json
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.figures import Line, Spread, grouped, line_of, lines
from benchmarks.lake.results import as_markdown
from benchmarks.measure import WARM_UP
from benchmarks.results import load
from benchmarks.roster import HEAP
from benchmarks.under_fire import as_markdown as fire_as_markdown
from benchmarks.under_fire import under_fire
from benchmarks.workload import MAIN, ODD
from sitehub.settings import PROJECT_ROOT

TEMPLATES: Final = Path(__file__).parent / "templates"
RESULTS: Final = Path(__file__).parent / "RESULTS.md"
LAKE: Final = Path(__file__).parent / "results" / "lake.json"
SCALE: Final = PROJECT_ROOT / "docs" / "scale.md"
GOALS: Final = (
    ("kafka-streams", "Kafka Streams, exactly_once_v2", 1.5),
    ("quix", "Quix Streams, exactly once", 6.0),
    ("faust", "stock Faust", 40.0),
)
P99_MS: Final = 60  # goal of latency
HALF: Final = 0.5  # goal: at most so much of Kafka Streams' p99
GROWN: Final = (
    "events_per_s", "per_cpu_s", "core_share", "broker_share", "peak_mb", "first_s", "raw_bytes", "output_bytes"
)  # fmt: skip

# What the sizes rest on; each is named in the text.
DEVICES: Final = {"one city": 2_000, "one province": 32_000, "31 provinces": 1_000_000}
CATCH_UP: Final = 5  # times the ordinary rate: an hour's outage is made up for in a quarter of an hour
LOAD: Final = 0.5  # of a core's measured rate that a worker is planned with
REPLICAS: Final = 3  # and so many brokers at least
NIGHT_S: Final = 3600  # within which the day before is to be computed
DAY_S: Final = 86_400
YEAR_DAYS: Final = 365


def write() -> None:
    """Write what the results hold; LookupError where not even throughput was measured."""
    parts = {name: load(name) for name in ("throughput", "latency", "scale")}
    for file, text in documents(parts, lake(), under_fire()).items():
        file.write_text(text, encoding="utf-8")


def lake() -> dict[str, Any] | None:
    """The figures of a province-day, where they were measured."""
    found: dict[str, Any] | None = json.loads(LAKE.read_text(encoding="utf-8")) if LAKE.exists() else None
    return found


def documents(
    parts: Mapping[str, Any], province_day: Mapping[str, Any] | None, fire: Mapping[str, Any]
) -> dict[Path, str]:
    """File → text. `parts`: throughput, latency and scale as `load` gives them; province_day as `lake` does, fire as
    `under_fire`.

    RESULTS.md says which parts were not measured; docs/scale.md is left as it is where growth or the day was not.
    """
    if not parts["throughput"]["rounds"]:
        raise LookupError("results/throughput.json holds nothing: run `python -m benchmarks throughput`")
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    templates.filters["rate"] = lambda value: f"{value:,.0f}"
    templates.filters["ratios"] = lambda of: f"{of.least:.2f} / {of.median:.2f} / {of.greatest:.2f}"
    templates.filters["percent"] = lambda share: f"{share:.0%}".replace("%", " %")
    made = {
        RESULTS: templates.get_template("RESULTS.md.j2").render(
            results(parts) | {"lake": province_day and as_markdown(province_day), "fire": fire_as_markdown(fire)}
        )
    }
    if parts["scale"]["rounds"] and province_day:
        made[SCALE] = templates.get_template("scale.md.j2").render(scale(parts, province_day))
    return made


def results(parts: Mapping[str, Any]) -> dict[str, Any]:
    """What RESULTS.md shows."""
    rounds = parts["throughput"]["rounds"]
    main = lines(rounds, MAIN.name)
    latency = parts["latency"]["rounds"]
    measured = ("p50_ms", "p99_ms", "p999_ms", "core_share", "sustained")
    paced = grouped([e for e in latency if not e["curve"]], ("contestant", "feeds", "rate"), measured, Spread.of)
    return {
        "about": parts["throughput"],
        "warm_up": WARM_UP,
        "heap": HEAP,
        "main": main,
        "rounds": rounds,
        "goals": [(title, goal, _ratio(main, name)) for name, title, goal in GOALS],
        "odd": [(workload, lines(rounds, workload.name)) for workload in ODD],
        "hub": line_of(main, "sitehub"),
        "latency_commit": parts["latency"].get("commit"),
        "paced": paced,
        "latency_goals": _latency_goals(paced),
        "curve": grouped([e for e in latency if e["curve"]], ("allowed_latency_s",), measured, Spread.of),
        "growth": _growth(parts),
        "growth_commit": parts["scale"].get("commit"),
        "growth_rounds": max((entry["round"] for entry in parts["scale"]["rounds"]), default=0),
    }


def scale(parts: Mapping[str, Any], province_day: Mapping[str, Any]) -> dict[str, Any]:
    """What docs/scale.md shows: the measured curves, and the sizes calculated from them."""
    way = median(each["lake_to_report_s"] for each in province_day["lake_to_report_ordered"])
    growth = _growth(parts)
    rate = next(point["events_per_s"] for point in growth["workers"] if point["value"] == 1)
    storage = next(entry for entry in parts["scale"]["rounds"] if entry["dimension"] == "storage")
    lake_bytes = province_day["ordered_day"]["bytes_after"] / province_day["landed_by_hours"]["readings"]
    return {
        "about": parts["scale"],
        "throughput": parts["throughput"],
        "four_feeds": line_of(lines(parts["throughput"]["rounds"], MAIN.name), "sitehub").rate.median,
        "rate": rate,
        "storage": storage,
        "lake_bytes": lake_bytes,
        "growth": growth,
        "sizes": [
            _size(name, devices, rate, storage, lake_bytes) | _computing(devices, way / province_day["devices"])
            for name, devices in DEVICES.items()
        ],
        "province_day": {"devices": province_day["devices"], "seconds": way, "commit": province_day["commit"]},
        "catch_up": CATCH_UP,
        "load": LOAD,
        "replicas": REPLICAS,
    }


def _latency_goals(paced: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The hub's p99 at each rate, the median of the rounds; beside: Kafka Streams' exactly once, if it was measured."""
    p99 = {(row["contestant"], row["feeds"], row["rate"]): row["p99_ms"].median for row in paced}
    found = []
    for (contestant, feeds, rate), ours in p99.items():
        if contestant == "sitehub":
            beside = p99.get(("kafka-streams", feeds, rate))
            share = beside and ours / beside
            found.append(
                {
                    **{"feeds": feeds, "rate": rate, "p99_ms": ours, "share": share},
                    "quick": ours <= P99_MS,
                    "half": share is not None and share < HALF,
                }
            )
    return found


def _ratio(main: list[Line], contestant: str) -> Any:
    guarantee = "at_least_once" if contestant == "faust" else "exactly_once"
    return line_of(main, contestant, guarantee).ratio


def _growth(parts: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Dimension → its points, the least first: a point that was measured again stands last in the file."""
    points = sorted(grouped(parts["scale"]["rounds"], ("dimension", "value"), GROWN), key=lambda point: point["value"])
    dimensions = dict.fromkeys(entry["dimension"] for entry in parts["scale"]["rounds"])
    return {name: [point for point in points if point["dimension"] == name] for name in dimensions}


def _size(name: str, devices: int, rate: float, storage: Mapping[str, Any], lake_bytes: float) -> dict[str, Any]:
    """Sizes of devices that send one reading a minute; lake_bytes: of a reading in joined files."""
    per_s = devices / 60
    feeds = 31 if devices > max(DEVICES["one province"], DEVICES["one city"]) else 1
    workers = feeds * ceil(per_s / feeds * CATCH_UP / (rate * LOAD))
    yearly = devices * 1440 * YEAR_DAYS
    log_bytes = (storage["raw_bytes"] * 30 / YEAR_DAYS + storage["output_bytes"]) * yearly * REPLICAS
    return {
        "name": name,
        "devices": devices,
        "per_s": per_s,
        "peak_per_s": per_s * CATCH_UP,
        "feeds": feeds,
        "workers": workers,
        "partitions": 2 * workers,
        "readings_a_day": devices * 1440,
        "log_gb_a_year": log_bytes / 1e9,
        "lake_gb_a_year": lake_bytes * yearly / 1e9,
        "network_mb_s": (storage["raw_bytes"] + storage["output_bytes"]) * per_s * CATCH_UP * REPLICAS / 1e6,
    }


def _computing(devices: int, seconds_a_device: float) -> dict[str, float]:
    """Minutes of one executor from the day's files to its reports, and the executors that do it within NIGHT_S."""
    seconds = devices * seconds_a_device
    return {"computing_min": seconds / 60, "executors": ceil(seconds / NIGHT_S)}
