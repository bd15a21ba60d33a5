"""`make fuzz`: damaged uploads through the pure core, each judged; writes benchmarks/results/fuzz.json."""

import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Final

import cyclopts
import psutil

from benchmarks.circumstances import SERVERS, circumstances
from benchmarks.fuzz.damage import Upload, damaged
from benchmarks.fuzz.feeds import Feeds, feeds
from benchmarks.fuzz.judge import MistreatedError, treated
from benchmarks.fuzz.through_kafka import through_kafka
from infra.packages import fetch
from infra.signals import interrupted_by_signals
from pipelines.wire import RawBatch, writer_ids
from sitehub.settings import Settings
from tests.faults.proof import Proof

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "fuzz.json"
BATCH: Final = 1000
ALONE: Final = 5  # of each batch, looked at once more each in a batch of its own
WARM: Final = 0.2  # share of the run after which memory must not grow any more
FLAT: Final = 64 << 20  # bytes


def fuzz(*, uploads: int = 1_000_000, whole_way: int = 50_000, seed: int = 20260301, into: Path = RESULTS) -> None:
    """Damage uploads of every feed and judge what becomes of each. Exit code 1 when one was mistreated.

    Parameters
    ----------
    uploads
        How many through the pure core.
    whole_way
        How many more through a real Kafka and two normalisers.
    seed
        The same seed gives the same uploads.
    into
        The file of results.
    """
    about = circumstances(("polars", "fastavro", "orjson"), SERVERS)  # of the code that is imported now
    known = feeds()
    refused: Counter[str] = Counter()
    memory: list[int] = []
    process, began = psutil.Process(), time.monotonic()
    batches = -(-uploads // BATCH)
    for number in range(batches):
        rng = random.Random(f"{seed}/{number}")
        topic = rng.choice(sorted(known.sound))
        batch = batch_of(topic, damaged(known.sound[topic], BATCH, rng), known.received, number * BATCH)
        try:
            refused += judged(batch, known, rng)
        except MistreatedError as found:
            sys.stderr.write(f"seed {seed}, batch {number} of {topic}: {found}\n")
            sys.exit(1)
        memory.append(process.memory_info().rss)
    seconds = time.monotonic() - began
    proof = _whole_way(whole_way, seed) if whole_way else None
    warm = memory[int(len(memory) * WARM) :]
    fifth = max(len(warm) // 5, 1)
    first, last = median(warm[:fifth]), median(warm[-fifth:])  # single batches of ten-megabyte values stand out
    result = {
        **about,
        "seed": seed,
        "uploads": batches * BATCH,
        "seconds": round(seconds, 1),
        "accepted": batches * BATCH - refused.total(),
        "quarantined": dict(sorted(refused.items())),
        "memory_mib": {"first_fifth": int(first) >> 20, "last_fifth": int(last) >> 20, "largest": max(warm) >> 20},
        "mistreated": 0,
        "whole_way": proof and asdict(proof),
    }
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    sys.exit(1 if last - first > FLAT or (proof and proof.findings) else 0)


def _whole_way(count: int, seed: int) -> Proof:
    configured = Settings()
    packages = fetch(configured.cache_dir, configured.maven_url)
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    proof = through_kafka(packages, folder, count, seed)
    if proof.findings:
        sys.stderr.write(f"logs and data are kept in {folder}\n")
    else:
        shutil.rmtree(folder)
    return proof


def batch_of(topic: str, sent: list[Upload], received: int, first: int) -> RawBatch:
    """Uploads as one batch, received a millisecond apart."""
    return RawBatch(
        topic=topic,
        partitions=[first // BATCH % 4] * len(sent),
        offsets=range(first, first + len(sent)),
        timestamps=range(received, received + len(sent)),
        keys=[upload.key for upload in sent],
        values=[upload.value for upload in sent],
        headers=[upload.headers for upload in sent],
    )


def judged(batch: RawBatch, known: Feeds, rng: random.Random) -> Counter[str]:
    """The refused uploads of a batch by reason; MistreatedError where one is mistreated, or treated otherwise alone."""
    writers = {writer: known.writers.get(writer) for writer in writer_ids(batch)}
    together = treated(batch, known.catalog, writers, known.target)
    for row in rng.sample(range(len(batch)), ALONE):
        one = slice(row, row + 1)
        single = RawBatch(
            batch.topic,
            batch.partitions[one],
            batch.offsets[one],
            batch.timestamps[one],
            batch.keys[one],
            batch.values[one],
            batch.headers[one],
        )
        alone = treated(single, known.catalog, writers, known.target)
        if any(together.records[offset] != record for offset, record in alone.records.items()):
            raise MistreatedError(f"offset {batch.offsets[row]}: treated otherwise in a batch of its own")
    return together.refused


if __name__ == "__main__":
    with interrupted_by_signals():  # the stack is ended on the way out
        cyclopts.run(fuzz)
