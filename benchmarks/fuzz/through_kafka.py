"""Damaged uploads through a real Kafka and two normalisers (全链路): what is left is what the pure core makes."""

import random
from collections import defaultdict
from pathlib import Path
from typing import Final

from benchmarks.fuzz.damage import Upload, damaged
from infra.packages import Packages
from infra.topics import RAW_LARGEST
from pipelines.catalog import Catalog
from simulation.encode import GUID_HEADER
from tests.faults.proof import Proof, prove
from tests.faults.soak import Plan, places, provisioned, settle
from tests.faults.stage import PROVINCE, on_stage
from tests.faults.watch import Watch

BATCH: Final = 1000
ROOM: Final = 16 << 10  # of the topic's limit for key, headers and the batch around them


def through_kafka(packages: Packages, home: Path, count: int, seed: int) -> Proof:
    """Send `count` damaged uploads of one province and prove what became of them.

    The topic takes 2 MiB; values above that end at the sender, so they are cut to it.
    """
    catalog = Catalog.load()
    with on_stage(packages, home, brokers=1) as stage:
        load = provisioned(stage, catalog, Plan(seed, 1, (), devices=8))
        sound: defaultdict[str, list[Upload]] = defaultdict(list)
        for topic, key, value, guid in load.uploads.select("topic", "key", "value", "guid").iter_rows():
            sound[topic].append(Upload(key, value, [] if guid is None else [(GUID_HEADER, guid)]))
        watch = Watch(stage.settings.bootstrap_servers, f"sitehub-{PROVINCE}", places(stage, catalog))
        watch.begin()
        stage.begin_work()
        for number in range(-(-count // BATCH)):
            rng = random.Random(f"{seed}/{number}")
            topic = rng.choice(sorted(sound))
            for key, value, headers in damaged(sound[topic], BATCH, rng):
                cut = value if value is None else value[: RAW_LARGEST - ROOM]
                load.put(topic, key, cut, [*headers])
        load.end()
        settle(stage, watch, catalog)
        watch.end()
        stage.end_work()
        return prove(stage.settings, [catalog], home / "calm", with_figures=False)
