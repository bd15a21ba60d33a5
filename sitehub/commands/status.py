"""`sitehub status`: what runs, where, and how far behind (状态)."""

import json
import sys
from dataclasses import asdict
from datetime import datetime

from rich.table import Table

from infra.lag import Lag, lags, record_ends
from infra.stack.broker import broker_answers
from infra.stack.ports import answers
from infra.stack.registry import registry_answers
from infra.topics import list_topics
from pipelines.dust.readings import ZONE
from sitehub.health import Health, health_of
from sitehub.options import AsJson
from sitehub.printing import screen
from sitehub.services import group_of
from sitehub.settings import Settings, settings
from sitehub.state import StackState, read_state
from store.lake import Lake, canonical_table
from streams.positions import committed


def status(*, as_json: AsJson = False) -> int:
    """Services, addresses and lag; exit code 0 when Kafka and the registry answer, else 1."""
    chosen = settings()
    state = read_state(chosen.home)
    reachable = {
        "kafka": broker_answers(chosen.bootstrap_servers),
        "registry": registry_answers(chosen.registry_url),
        "dagster": answers(chosen.dagster_port),
    }
    behind = all_lags(chosen) if reachable["kafka"] else []
    health = {service.name: health_of(service.health) for service in state.services if service.health} if state else {}
    if as_json:
        _print_json(state, reachable, behind, health)
    else:
        _print_tables(chosen, state, reachable, behind, health)
    return 0 if reachable["kafka"] and reachable["registry"] else 1


def all_lags(chosen: Settings) -> list[Lag]:
    """Normalisers against raw topics, landing against canonical and quarantine topics."""
    topics = list_topics(chosen.bootstrap_servers)
    raw = {name: count for name, count in topics.items() if name.startswith("raw.")}
    provinces = sorted({name.split(".")[1] for name in raw})
    found = []
    for province in provinces:
        group = group_of(province)
        places = [
            (name, number) for name, count in raw.items() if name.split(".")[1] == province for number in range(count)
        ]
        done = {at: max(offset, 0) for at, offset in committed(chosen.bootstrap_servers, group, places).items()}
        found += lags(group, record_ends(chosen.bootstrap_servers, done), done)
    return [*found, *_landing_lag(chosen, topics)]


def _landing_lag(chosen: Settings, topics: dict[str, int]) -> list[Lag]:
    lake = Lake(chosen.lake_url, chosen.catalog_dir)
    tables = {
        name: canonical_table(name.removeprefix("canonical.")) if name.startswith("canonical.") else "quarantine"
        for name in topics
        if name.startswith(("canonical.", "quarantine."))
    }
    partitions = [(name, partition) for name in tables for partition in range(topics[name])]
    if not partitions:
        return []
    landed = {at: lake.transaction_version(tables[at[0]], f"{at[0]}/{at[1]}") or 0 for at in partitions}
    return lags("landing", record_ends(chosen.bootstrap_servers, landed), landed)


def _print_json(
    state: StackState | None, reachable: dict[str, bool], behind: list[Lag], health: dict[str, Health]
) -> None:
    content = {
        "stack": asdict(state) if state else None,
        "reachable": reachable,
        "lag": [{**asdict(lag), "behind": lag.behind} for lag in behind],
        "health": {name: asdict(found) for name, found in health.items()},
    }
    json.dump(content, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def _print_tables(
    chosen: Settings,
    state: StackState | None,
    reachable: dict[str, bool],
    behind: list[Lag],
    health: dict[str, Health],
) -> None:
    console = screen()
    if state is None:
        console.print(f"No stack of {chosen.home} runs. Start one with `sitehub up`.")
    else:
        table = Table("service", "state", "pid", "since", "restarts", "address", box=None, pad_edge=False)
        for service in state.services:
            since = datetime.fromtimestamp(service.since, ZONE).strftime("%Y-%m-%d %H:%M:%S")
            table.add_row(service.name, service.state, str(service.pid), since, str(service.restarts), service.address)
        console.print(table)
    for name, found in health.items():
        console.print(f"{name}: {found.sentence}", style=None if found.healthy else "red")
    for name, answer in reachable.items():
        console.print(f"{name}: {'answers' if answer else 'does not answer'}")
    filled = [lag for lag in behind if lag.end]
    if filled:
        table = Table("reader", "topic", "end", "done", "behind", box=None, pad_edge=False)
        for lag in filled:
            table.add_row(lag.reader, lag.topic, str(lag.end), str(lag.done), str(lag.behind))
        console.print(table)
