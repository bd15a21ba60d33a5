"""Hours of even load (耐久): nothing that works for the hub may grow without bound.

    python -m benchmarks.endurance --minutes 120

Two normalisers and the landing work on uploads at an even pace, poison pills now and then, and small files of the lake
are joined as the hub does it; memory is looked at every half minute. At the end the ledger must be exact and everything
landed, as after a soak. Exit code 1 where memory has grown or anything is amiss; results in
benchmarks/results/endurance.json.
"""

import json
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any, Final

import cyclopts
import psutil

from benchmarks.circumstances import SERVERS, circumstances
from benchmarks.soak.report import LIBRARIES
from infra.packages import fetch
from infra.signals import interrupted_by_signals
from pipelines.catalog import Catalog
from sitehub.landed import landed_rows
from sitehub.settings import Settings
from store.lake import QUARANTINE, Lake
from streams.ledger import FINDINGS, ledger
from tests.faults.soak import Plan, places, provisioned, settle
from tests.faults.stage import PROVINCE, Stage, on_stage
from tests.faults.watch import Watch

RESULTS: Final = Path(__file__).resolve().parent / "results" / "endurance.json"
LOOK_S: Final = 30.0
POISON_S: Final = 300.0
JOIN_S: Final = 720.0  # the hub joins small files each hour, at a fifth of the stage's pace of a commit a second
WARM: Final = 0.2  # share of the time after which memory must not grow any more
FLAT: Final = 32 << 20  # bytes

Samples = dict[str, list[tuple[float, int]]]


def endurance(*, minutes: float = 120, per_second: int = 1000, devices: int = 200, into: Path = RESULTS) -> None:
    """Run the load and look at memory.

    Parameters
    ----------
    minutes
        How long.
    per_second
        Uploads a second.
    devices
        Of one simulated day of uploads, sent again and again.
    into
        The file of results.
    """
    about = circumstances(LIBRARIES, SERVERS)  # of the code that runs, whatever is committed meanwhile
    configured = Settings()
    packages, catalog = fetch(configured.cache_dir, configured.maven_url), Catalog.load()
    plan = Plan(seed=20260301, brokers=1, strikes=(), per_second=per_second, devices=devices)
    with tempfile.TemporaryDirectory(prefix="endurance-") as folder, on_stage(packages, Path(folder), 1) as stage:
        load = provisioned(stage, catalog, plan)
        watch = Watch(stage.settings.bootstrap_servers, f"sitehub-{PROVINCE}", places(stage, catalog))
        watch.begin()
        load.begin()
        stage.begin_work()
        samples: Samples = defaultdict(list)
        began = poisoned = joined = time.monotonic()
        while time.monotonic() - began < minutes * 60:
            time.sleep(LOOK_S)
            if time.monotonic() - poisoned > POISON_S:
                load.poison()
                poisoned = time.monotonic()
            if time.monotonic() - joined > JOIN_S:
                _join(Lake(stage.settings.lake_url, stage.settings.catalog_dir))
                joined = time.monotonic()
            _look(stage, time.monotonic() - began, samples)
        load.end()
        settle(stage, watch, catalog)
        watch.end()
        stage.end_work()
        ends = {program.name: dict(program.ends) for program in stage.programs if program.ends}
        accounts = ledger(stage.settings.bootstrap_servers, catalog, [PROVINCE])
        counts = accounts.accounts.select("uploads", "canonical", "quarantined", "waiting", *FINDINGS).sum()
        landed = landed_rows(Lake(stage.settings.lake_url, stage.settings.catalog_dir), catalog)
    memory = {name: _told(seen) for name, seen in sorted(samples.items())}
    result = {
        **about,
        "minutes": minutes,
        "uploads_per_second": per_second,
        "memory_mib": memory,
        "ends_by_exit_code": ends,
        "ledger": {"exact": accounts.is_exact, **counts.row(0, named=True)},
        "landed": landed,
    }
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    whole = accounts.is_exact and landed == counts["uploads"].item()
    sys.exit(0 if whole and not any(each["grown"] for each in memory.values()) else 1)


def _join(lake: Lake) -> None:
    for table in (*lake.canonical_tables(), QUARANTINE):
        lake.compact(table)


def _look(stage: Stage, at_s: float, samples: Samples) -> None:
    """Resident memory of each worker now."""
    for program in (*(each.program for each in stage.normalisers), *stage.landings):
        pid = program.pid()
        if pid is not None:
            samples[program.name].append((at_s, psutil.Process(pid).memory_info().rss))


def _told(seen: list[tuple[float, int]]) -> dict[str, Any]:
    """Medians of the first and the last fifth of the warm time, whether memory grew between them, and its course by
    tenths of the whole time, which tells growth from what a busy machine made wait for a while; MiB."""
    tenths = defaultdict(list)
    for at_s, rss in seen:
        tenths[min(int(10 * at_s / seen[-1][0]), 9)].append(rss)
    warm = [rss for at_s, rss in seen if at_s >= WARM * seen[-1][0]]
    fifth = max(len(warm) // 5, 1)
    first, last = median(warm[:fifth]), median(warm[-fifth:])
    return {
        "first_fifth": int(first) >> 20,
        "last_fifth": int(last) >> 20,
        "largest": max(warm) >> 20,
        "grown": bool(last > first + FLAT),
        "by_tenths": [int(median(tenths[tenth])) >> 20 for tenth in sorted(tenths)],
    }


if __name__ == "__main__":
    with interrupted_by_signals():  # the stack is ended on the way out
        cyclopts.run(endurance)
