"""`make soak`: runs the soak, writes benchmarks/results/soak.json, prints the report; exit code 1 on any finding."""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

import cyclopts

from benchmarks.circumstances import SERVERS, circumstances
from benchmarks.soak.report import LIBRARIES, as_json, as_markdown
from infra.packages import fetch
from infra.signals import interrupted_by_signals
from sitehub.settings import Settings
from tests.faults.soak import Plan, run

RESULTS = Path(__file__).resolve().parents[1] / "results" / "soak.json"


def soak(
    *,
    seed: int = 20260301,
    faults: int = 200,
    brokers: list[Literal[1, 3]] | None = None,
    devices: int = 200,
    into: Path = RESULTS,
    keep: Path | None = None,
) -> None:
    """Run faults against a stack under load and compare with a calm run.

    Parameters
    ----------
    seed
        The same seed draws the same faults in the same order.
    faults
        How many, dealt over the runs.
    brokers
        One run for each: on one broker and on three, if not told otherwise.
    devices
        Of one simulated day of uploads, sent again and again.
    into
        The file of results.
    keep
        Folder for logs and data, which are deleted otherwise where nothing was found.
    """
    about = circumstances(LIBRARIES, SERVERS)  # of the code that is imported now, whatever is committed meanwhile
    configured = Settings()
    packages = fetch(configured.cache_dir, configured.maven_url)
    chosen = brokers or [1, 3]
    runs = []
    for number, count in enumerate(chosen):
        share = faults // len(chosen) + (number < faults % len(chosen))
        home = (keep or Path(tempfile.mkdtemp(prefix="soak-"))) / f"{count}-brokers"
        plan = Plan.random(seed + number, count, share, devices)
        sys.stderr.write(f"{share} faults on {count} broker(s) in {home}\n")
        runs.append(run(packages, home.absolute(), plan, _tell))
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_text(json.dumps(as_json(about, runs), indent=2, ensure_ascii=False) + "\n", "utf-8")
        if keep is None and not runs[-1].findings:
            shutil.rmtree(home.parent)
    sys.stdout.write(as_markdown(as_json(about, runs)) + "\n")
    sys.exit(1 if any(each.findings for each in runs) else 0)


def _tell(line: str) -> None:
    sys.stderr.write(f"  {line}\n")


if __name__ == "__main__":
    with interrupted_by_signals():  # the stack is ended on the way out
        cyclopts.run(soak)
