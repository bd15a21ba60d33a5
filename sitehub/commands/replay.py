"""`sitehub replay`: a raw topic normalised again (重放), and compared byte for byte."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from sitehub.options import AsJson
from sitehub.refusal import refuse

if TYPE_CHECKING:
    from streams.replay import Comparison

EXAMPLES = 10


def replay(
    *, topic: str, into: str, compare: bool = True, earlier: list[Path] | None = None, as_json: AsJson = False
) -> None:
    """Normalise a raw topic again into fresh topics, and compare with what was made of it live.

    Exit 0 when every byte is equal (with --no-compare: when done), 1 on a difference, 2 for a wrong topic or prefix.

    Parameters
    ----------
    topic
        The raw topic, e.g. raw.jiangsu.dust-reading.
    into
        Prefix of the fresh topics: PREFIX.canonical.<kind> and PREFIX.quarantine.<province>. They must not exist.
    compare
        Compare topic, partition, key, value and headers of the two records of each upload; --no-compare leaves it out.
    earlier
        The project as it was, for example from `git worktree add ../v1 v1`, or its folder of the contract alone;
        repeat it for several. Each upload is then normalised by the contract whose mapping its live record names.
    """
    from infra.topics import create_topics
    from pipelines.catalog import Catalog
    from sitehub.kafka_faults import explained
    from sitehub.person_key import person_key
    from sitehub.services import wanted_topics
    from sitehub.settings import settings
    from streams.replay import ForgottenMappingError, fresh_topics
    from streams.replay import compare as compared
    from streams.replay import replay as normalise_again
    from streams.topics import topic_partitions

    chosen = settings()
    key = person_key(chosen.person_key_file)
    catalog = Catalog.read(chosen.catalog_dir, person_key=key)
    servers = chosen.bootstrap_servers
    with explained(servers):
        there = topic_partitions(servers)
        try:
            fresh = fresh_topics(catalog, topic, into)
        except ValueError as error:
            refuse(str(error))
        except KeyError:
            refuse(f"--topic: the catalog has no uploads of {topic}; `sitehub catalog list` names the topics")
        if topic not in there:
            refuse(f"--topic: there is no {topic}; `sitehub topics list` names them")
        if taken := sorted(there.keys() & set(fresh.values())):
            refuse(f"--into: {', '.join(taken)} exists already; choose another prefix")
        kept = wanted_topics(chosen, catalog)
        specs = [
            replace(spec, name=fresh[spec.name], partitions=there[spec.name]) for spec in kept if spec.name in fresh
        ]
        create_topics(servers, specs)
        contracts = None if earlier is None else [Catalog.of_release(folder, key) for folder in earlier]
        try:
            stretch = normalise_again(servers, chosen.registry_url, catalog, topic, into, contracts)
        except ForgottenMappingError as error:
            refuse(f"--earlier: no folder has {error}; name the contract of the release that ran then")
        found = compared(servers, catalog, topic, into, stretch) if compare else None
    _tell(topic, fresh, found, as_json=as_json)
    sys.exit(0 if found is None or found.is_equal else 1)


def _tell(topic: str, fresh: Mapping[str, str], found: "Comparison | None", *, as_json: bool) -> None:
    if as_json:
        json.dump({"topics": fresh, "comparison": asdict(found) if found else None}, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{topic} → {', '.join(sorted(fresh.values()))}")
    if found is None:
        return
    console.print(
        f"{found.equal:,} equal, {len(found.different):,} different, {len(found.missing_live):,} missing live, "
        f"{len(found.missing_fresh):,} missing in the replay",
        style="green" if found.is_equal else "bold red",
    )
    for upload, parts in found.different[:EXAMPLES]:
        console.print("-".join(map(str, upload)), f"differs in {parts}")
