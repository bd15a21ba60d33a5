"""How cost grows (规模): workers, partitions, record size, bad records, kinds; one varied at a time."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

from benchmarks.contestant import Contestant, hub, prepare
from benchmarks.job import KIND
from benchmarks.measure import measure
from benchmarks.results import Results
from benchmarks.stack import Stack, running
from benchmarks.workload import MAIN, Workload, fill
from pipelines.catalog import Catalog
from sitehub.settings import PROJECT_ROOT

PROVINCE: Final = "jiangsu"
READINGS: Final = 400_000
LARGE_READINGS: Final = 60_000
BASE: Final = replace(MAIN, provinces=(PROVINCE,))
_number = count()


@dataclass(frozen=True)
class Point:
    """One setting: `value` of `dimension`, all else as in the others.

    The readings are sent `times` times: what is timed must be several transactions of each partition, not one.
    """

    dimension: str
    value: float
    workload: Workload = BASE
    partitions: int = 4
    workers: int = 1
    readings: int = READINGS
    times: int = 3


POINTS: Final = (
    Point("storage", 1),
    *(Point("workers", workers, workers=workers) for workers in (1, 2, 4)),
    *(
        Point("partitions", count, partitions=count, times=times)
        for count, times in ((4, 3), (16, 3), (64, 4), (256, 12))
    ),
    *(Point("extra_bytes", size, replace(BASE, newer=1, remark=size)) for size in (0, 300)),
    Point("extra_bytes", 3_000, replace(BASE, newer=1, remark=3_000), times=1),
    Point("extra_bytes", 30_000, replace(BASE, newer=1, remark=30_000), readings=LARGE_READINGS, times=1),
    *(Point("bad_share", share, replace(BASE, damaged=share)) for share in (0, 0.01, 0.1, 1.0)),
    *(Point("kinds", kinds, replace(BASE, kinds=kinds)) for kinds in (1, 10, 30, 100)),
)


def points(rounds: int) -> None:
    """Measure every point so often, those of one setting together; what is there already is left out."""
    results = Results("scale")
    for round_ in range(1, rounds + 1):
        measurements: dict[Point, dict[str, Any]] = {}
        for point in POINTS:
            which = {"dimension": point.dimension, "value": point.value, "round": round_}
            if results.has(**which):
                continue
            setting = replace(point, dimension="", value=0)
            entry = measurements[setting] = measurements.get(setting) or measured(point)
            results.add({**which, **entry})
            print(
                f"{point.dimension} {point.value:g}: {entry['events_per_s']:,.0f}/s, "
                f"{entry['per_cpu_s']:,.0f} per CPU s, {entry['peak_mb']:.0f} MiB, start {entry['first_s']:.1f} s",
                flush=True,
            )


def measured(point: Point) -> dict[str, Any]:
    """One point on a stack of its own; bytes per reading in the broker's logs besides."""
    contestant = Contestant("sitehub", "exactly_once", "the hub", hub(workers=point.workers))
    with contract_with(point.workload.kinds) as catalog, running(point.partitions, catalog, (PROVINCE,)) as stack:
        filled = sum(fill(stack, point.workload, point.readings, point.times).values())
        run = prepare(stack, contestant, (PROVINCE,), next(_number))
        found = measure(contestant, run, filled)
        return {
            **asdict(found),
            "raw_bytes": round(_stored(stack, "raw.") / filled, 1),
            "output_bytes": round((_stored(stack, "canonical.") + _stored(stack, "quarantine.")) / filled, 1),
        }


@contextmanager
def contract_with(kinds: int) -> Iterator[Catalog]:
    """The project's contract with so many kinds of dust readings, copies under numbered names.

    No screening rules belong to the copies, so a reading of theirs costs a little less.
    """
    with TemporaryDirectory() as folder:
        root = Path(folder) / "contract"
        shutil.copytree(PROJECT_ROOT / "avro_schemas", root)
        for number in range(1, kinds):
            _copy(root, f"{KIND}-{number}")
        yield Catalog.load(root)


def _copy(root: Path, name: str) -> None:
    canonical = json.loads((root / "canonical" / f"{KIND}.avsc").read_text("utf-8"))
    (root / "canonical" / f"{name}.avsc").write_text(json.dumps({**canonical, "kind": name}), "utf-8")
    folder = root / "raw" / PROVINCE
    shutil.copyfile(folder / f"{KIND}.avsc", folder / f"{name}.avsc")
    mapping = yaml.safe_load((folder / f"{KIND}.yaml").read_text("utf-8"))
    mapping = {**mapping, "kind": name, "vendors": {}}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(mapping, allow_unicode=True), "utf-8")


def _stored(stack: Stack, prefix: str) -> int:
    """Bytes of the logs of all topics with this prefix."""
    logs = (stack.home / "kafka" / "data").glob(f"{prefix}*/*.log")
    return sum(log.stat().st_size for log in logs)
