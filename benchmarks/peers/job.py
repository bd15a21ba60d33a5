"""The job record by record in plain Python (逐条参考实现), shared by the Python contestants.

Written as an engineer would who has fastavro and a profiler: a closure a field, made once from the job's file; no
frames. It is checked against the hub's own records before anything is timed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, lru_cache
from io import BytesIO
from math import isfinite
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

import fastavro
import httpx
import orjson

Record = Mapping[str, Any]
Headers = Sequence[tuple[str, Any]]
Say = Callable[[Record], Any]
Field = Callable[[Record, int, list[str]], Any]
Found = tuple[Mapping[str, Any], frozenset[str]]  # a schema, and the subjects that hold it
SchemaOf = Callable[[int], Found | None]

VALUE_LIMIT: Final = 1 << 20
NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
PROJECT_CODE: Final = re.compile("[1-8][0-9]{15}")
CODE_LENGTH: Final = 128
SHANGHAI: Final = timezone(timedelta(hours=8))  # no summer time since 1991; what is older than 2010 is refused
EARLIEST: Final = int(datetime(2010, 1, 1, tzinfo=UTC).timestamp() * 1000)
TEN_MINUTES: Final = 600_000
TWELVE_HOURS: Final = 43_200_000
INT: Final = 1 << 31
WHOLE: Final = {"int": INT, "long": 1 << 63}
LEVELS: Final = {"range": 4, "order": 3, "twelve_hours": 3}
PATTERNS: Final = {
    "yyyy-MM-dd HH:mm:ss": re.compile(
        "([1-9][0-9]{3})-([01][0-9])-([0-3][0-9]) ([0-2][0-9]):([0-5][0-9]):([0-5][0-9])"
    ),
    "yyyy-MM-dd": re.compile("([1-9][0-9]{3})-([01][0-9])-([0-3][0-9])"),
    "yyyyMMddHHmmss": re.compile("([1-9][0-9]{3})([01][0-9])([0-3][0-9])([0-2][0-9])([0-5][0-9])([0-5][0-9])"),
}
EPOCHS: Final = {"epoch_s": (10, 1000), "epoch_ms": (13, 1)}
DAMAGE: Final = (EOFError, IndexError, KeyError, OverflowError, TypeError, ValueError, struct.error)


class Refused(Exception):  # noqa: N818 (it is a verdict, not an error)
    """An upload that cannot be taken: reason and, where there is one, the canonical field."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field


class Output(NamedTuple):
    """What one upload becomes."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Job:
    """The whole job; `run` has the broker, group, prefix and guarantee of this run as well."""

    def __init__(self, run: Mapping[str, Any], schema_of: SchemaOf) -> None:
        self.run = run
        self.topics: list[str] = list(self.run["topics"])
        prefix = self.run["prefix"]
        self.canonical = prefix + self.run["canonical"]["topic"]
        self.quarantines = {name: prefix + dialect["quarantine"] for name, dialect in self.run["topics"].items()}
        self._dialects = {name: _Dialect(dialect, self.run, schema_of) for name, dialect in self.run["topics"].items()}
        self._schema = fastavro.parse_schema(self.run["canonical"]["schema"])
        self._head = struct.pack(">bI", 0, self.run["canonical"]["schema_id"])

    def __call__(
        self,
        topic: str,
        partition: int,
        offset: int,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None,
    ) -> Output:
        """The canonical record of one upload, or the quarantined one with the reason in its headers."""
        try:
            record = self._dialects[topic].canonical(value, timestamp)
        except Refused as refused:
            why = [("sitehub.reason", refused.reason), ("sitehub.field", refused.field)]
            place = [("topic", topic), ("partition", partition), ("offset", offset)]
            said = [(name, text.encode()) for name, text in why if text is not None]
            said += [(f"sitehub.source.{name}", str(at).encode()) for name, at in place]
            return Output(self.quarantines[topic], key, value, [*said, *(headers or ())])
        record["source_topic"] = topic
        record["source_partition"] = partition
        record["source_offset"] = offset
        out = BytesIO()
        out.write(self._head)
        fastavro.schemaless_writer(out, self._schema, record)
        return Output(self.canonical, f"{record['province']}:{record['device_code']}".encode(), out.getvalue(), [])


def read_job(file: Path) -> Job:
    """The job of a file; it asks the registry that the file names."""
    run = orjson.loads(file.read_bytes())
    client = httpx.Client(base_url=run["registry"].rstrip("/"), timeout=10)

    @cache
    def schema_of(number: int) -> Found | None:
        answer = client.get(f"/schemas/ids/{number}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        versions = client.get(f"/schemas/ids/{number}/versions").raise_for_status().json()
        schema = orjson.loads(answer.raise_for_status().json()["schema"])
        return schema, frozenset(each["subject"] for each in versions)

    return Job(run, schema_of)


class _Dialect:
    """One province's readings."""

    def __init__(self, dialect: Mapping[str, Any], run: Mapping[str, Any], schema_of: SchemaOf) -> None:
        self._province = dialect["province"]
        self._mapping = dialect["mapping"]
        self._subject = dialect["subject"]
        self._schema_of = schema_of
        self._reader: Any = fastavro.parse_schema(dialect["schema"])
        self._writers: dict[int, Any] = {}
        types = {field["name"]: field["type"] for field in run["canonical"]["schema"]["fields"]}
        self._empty = dict.fromkeys(types)
        self._json = [_JsonField(field, dialect) for field in dialect["schema"]["fields"]]
        self._json_keys = {field.key for field in self._json}
        self._fields = [(name, _field(name, types[name][1], rule, dialect)) for name, rule in dialect["rules"].items()]
        self._judge = _judge(run["screening"], {name: rank for rank, name in enumerate(types)})
        self._event = f"{self._province}:{run['kind']}:"

    def canonical(self, value: bytes | None, received: int) -> dict[str, Any]:
        """The canonical record but for its source; raises Refused."""
        if not value:
            raise Refused("empty")
        if len(value) > VALUE_LIMIT:
            raise Refused("oversized")
        notes: list[str] = []
        unknown_keys = False
        schema_id = None
        if value[0] == 0 and len(value) >= 5:
            schema_id = int.from_bytes(value[1:5], "big")
            upload = self._avro(schema_id, value)
        elif value.lstrip(b" \t\r\n")[:1] == b"{":
            upload, unknown_keys = self._object(value)
        else:
            raise Refused("unframed")
        record = self._empty.copy()
        for name, field in self._fields:
            record[name] = field(upload, received, notes)
        self._judge(record, notes, unknown_keys)
        record["event_id"] = f"{self._event}{record['device_code']}:{record['observed_at']}:{record['period']}"
        record["province"] = self._province
        record["received_at"] = received
        record["schema_id"] = schema_id
        record["mapping"] = self._mapping
        return record

    def _avro(self, schema_id: int, value: bytes) -> Any:
        writer = self._writers.get(schema_id) or self._writer(schema_id)
        body = BytesIO(value)
        body.seek(5)
        try:
            upload = fastavro.schemaless_reader(body, *writer)
        except DAMAGE as error:
            raise Refused("undecodable") from error
        if body.tell() != len(value):
            raise Refused("undecodable")
        return upload

    def _writer(self, schema_id: int) -> tuple[Any, Any]:
        found = self._schema_of(schema_id)
        if found is None:
            raise Refused("unknown_schema")
        schema, subjects = found
        if self._subject not in subjects:
            raise Refused("wrong_subject")
        writer: Any = fastavro.parse_schema(_plain(schema))
        # Resolution costs; the reader's own schema needs none.
        same = writer["fields"] == self._reader["fields"]
        self._writers[schema_id] = writer, None if same else self._reader
        return self._writers[schema_id]  # type: ignore[no-any-return]

    def _object(self, value: bytes) -> tuple[dict[str, Any], bool]:
        try:
            content = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise Refused("undecodable") from error
        return {field.name: field.read(content) for field in self._json}, not content.keys() <= self._json_keys


class _JsonField:
    """One raw field of a JSON upload: its key, and what type its value must have."""

    def __init__(self, field: Mapping[str, Any], dialect: Mapping[str, Any]) -> None:
        self.name: str = field["name"]
        self.key: str = dialect["json"][self.name]
        self._nullable = isinstance(field["type"], list)
        self._type: str = field["type"][1] if self._nullable else field["type"]
        self._default = field.get("default")
        makes = [name for name, rule in dialect["rules"].items() if self.name in _raw_fields(rule)]
        self._called = makes[0] if makes else self.key

    def read(self, content: Mapping[str, Any]) -> Any:
        """The value; raises Refused where it is of another type or missing."""
        value = content.get(self.key, self._default)
        if value is None:
            if not self._nullable:
                raise Refused("missing_field", self._called)
            return None
        kind = self._type
        if kind == "string":
            if type(value) is not str:
                raise Refused("undecodable", self._called)
        elif kind in WHOLE:
            if type(value) is not int or not -WHOLE[kind] <= value < WHOLE[kind]:
                raise Refused("bad_number", self._called)
        elif type(value) not in (int, float):
            raise Refused("bad_number", self._called)
        return value


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A flat record schema without logical types."""

    def kind(declared: Any) -> Any:
        if isinstance(declared, list):
            return [kind(branch) for branch in declared]
        return declared["type"] if isinstance(declared, dict) else declared

    fields = [{**field, "type": kind(field["type"])} for field in schema["fields"]]
    return {**schema, "fields": fields}


def _raw_fields(rule: Mapping[str, Any]) -> list[str]:
    return [*rule["sources"], *(part[1:-1] for part in rule["compose"] if part.startswith("{"))]


def _field(name: str, kind: str, rule: Mapping[str, Any], dialect: Mapping[str, Any]) -> Field:
    """How one canonical field is made of an upload."""
    if rule["const"] is not None:
        constant = rule["const"]
        return lambda _upload, _received, _notes: constant
    types = {
        field["name"]: field["type"][1] if isinstance(field["type"], list) else field["type"]
        for field in dialect["schema"]["fields"]
    }
    numeric = all(types[source] != "string" for source in _raw_fields(rule))
    as_text = kind == "string" or rule["codes"] is not None or not numeric
    say = _said(rule, types, frozenset(dialect["absent"]), as_text=as_text)
    make: Callable[[Any, int, list[str]], Any]
    if rule["codes"] is not None:
        make = _code(name, rule)
    elif rule["identifier"]:
        make = _identifier(name, rule)
    elif rule["by_format"]:
        make = _by_format(name, rule)
    elif rule["time"]:
        make = _observed(name, rule, numeric=numeric)
    elif kind in ("double", "int"):
        make = _number(name, kind, rule, is_text=as_text)
    else:
        make = _text(name)
    absent, required = rule["absent"], rule["required"]

    def field(upload: Record, received: int, notes: list[str]) -> Any:
        said = say(upload)
        if said is None:
            if required:
                raise Refused("missing_field", name)
            return absent
        return make(said, received, notes)

    return field


def _said(rule: Mapping[str, Any], types: Mapping[str, str], absent: frozenset[str], *, as_text: bool) -> Say:
    """What the upload says: the first source that is not absent, or the composed text."""
    if rule["compose"]:
        parts: Sequence[str] = rule["compose"]
        return _joined([_source(part[1:-1], types, absent) if part[0] == "{" else _literal(part) for part in parts])
    said = [_source(name, types, absent) if as_text else itemgetter(name) for name in rule["sources"]]
    return said[0] if len(said) == 1 else _first(said)


def _source(name: str, types: Mapping[str, str], absent: frozenset[str]) -> Say:
    """A raw field as text."""

    def number(upload: Record) -> str | None:
        said = upload[name]
        return None if said is None else str(said)

    def text(upload: Record) -> str | None:
        said: str | None = upload[name]
        if said is None:
            return None
        said = said.strip()
        return None if said in absent else said

    return text if types[name] == "string" else number


def _literal(text: str) -> Say:
    return lambda _upload: text


def _joined(parts: Sequence[Say]) -> Say:
    def joined(upload: Record) -> str | None:
        said = [part(upload) for part in parts]
        return None if None in said else "".join(said)

    return joined


def _first(sources: Sequence[Say]) -> Say:
    def first(upload: Record) -> Any:
        for source in sources:
            said = source(upload)
            if said is not None:
                return said
        return None

    return first


def _number(name: str, kind: str, rule: Mapping[str, Any], *, is_text: bool) -> Callable[[Any, int, list[str]], Any]:
    sentinels, alias = frozenset(rule["sentinels"]), dict(rule["alias"])
    factor, offset, note = rule["factor"], rule["offset"], f"{name}=sentinel"

    def make(said: Any, _received: int, notes: list[str]) -> Any:
        if is_text and NUMBER.fullmatch(said) is None:
            raise Refused("bad_number", name)
        value = float(said)
        if value in sentinels:
            notes.append(note)
            return None
        if alias:
            value = alias.get(value, value)
        if factor != 1:
            value *= factor
        if offset:
            value += offset
        if not isfinite(value):
            raise Refused("bad_number", name)
        if kind == "double":
            return value
        if value != round(value) or not -INT <= value < INT:
            raise Refused("bad_number", name)
        return int(value)

    return make


def _code(name: str, rule: Mapping[str, Any]) -> Callable[[Any, int, list[str]], Any]:
    table, is_noted, note = rule["codes"], rule["unknown"] == "note", f"{name}=unknown_code"

    def make(said: str, _received: int, notes: list[str]) -> Any:
        found = table.get(said)
        if found is None:
            if not is_noted:
                raise Refused("bad_code", name)
            notes.append(note)
        return found

    return make


def _text(name: str) -> Callable[[Any, int, list[str]], Any]:
    is_code = name.endswith(("_code", "_no"))

    def make(said: str, _received: int, _notes: list[str]) -> str:
        if is_code and (len(said) > CODE_LENGTH or CONTROL.search(said) is not None):
            raise Refused("bad_identifier", name)
        if "\0" in said:
            raise Refused("undecodable", name)
        return said

    return make


def _identifier(name: str, rule: Mapping[str, Any]) -> Callable[[Any, int, list[str]], Any]:
    if rule["identifier"] != "project_code16":
        raise NotImplementedError(f"identifier {rule['identifier']}")

    def make(said: str, _received: int, _notes: list[str]) -> str:
        if PROJECT_CODE.fullmatch(said) is None:
            raise Refused("bad_identifier", name)
        return said

    return make


def _by_format(name: str, rule: Mapping[str, Any]) -> Callable[[Any, int, list[str]], Any]:
    cases = [(PATTERNS[form], meant) for form, meant in rule["by_format"].items()]

    def make(said: str, _received: int, _notes: list[str]) -> str:
        for pattern, meant in cases:
            if pattern.fullmatch(said) is not None:
                return str(meant)
        raise Refused("bad_time", name)

    return make


def _observed(name: str, rule: Mapping[str, Any], *, numeric: bool) -> Callable[[Any, int, list[str]], Any]:
    """The instant in epoch ms, judged against the receipt."""
    forms, note = tuple(rule["time"]), f"{name}=twelve_hours"

    @lru_cache(maxsize=100_000)  # a minute is told by every device
    def parse(said: str) -> tuple[int | None, bool]:
        for form in forms:
            instant = _instant(said, form)
            if instant is not None:
                return instant, form != "yyyy-MM-dd"
        return None, True

    def make(said: Any, received: int, notes: list[str]) -> int:
        if numeric:
            instant, clocked = said if 10**12 <= said < 10**13 else None, True
        else:
            instant, clocked = parse(said)
        if instant is None or instant < EARLIEST:
            raise Refused("bad_time", name)
        ahead = instant - received
        if clocked and abs(abs(ahead) - TWELVE_HOURS) <= TEN_MINUTES:
            notes.append(note)
        elif ahead > TEN_MINUTES:
            raise Refused("future_time", name)
        return instant  # type: ignore[no-any-return]

    return make


def _instant(said: str, form: str) -> int | None:
    if form in EPOCHS:
        digits, unit = EPOCHS[form]
        return int(said) * unit if len(said) == digits and said.isascii() and said.isdigit() else None
    match = PATTERNS[form].fullmatch(said)
    if match is None:
        return None
    try:
        return int(datetime(*map(int, match.groups()), tzinfo=SHANGHAI).timestamp()) * 1000  # type: ignore[arg-type, misc]
    except ValueError:  # no date of the calendar
        return None


def _judge(screening: Mapping[str, Any], ranks: Mapping[str, int]) -> Callable[[dict[str, Any], list[str], bool], None]:
    """Writes `quality` and `quality_notes` into a record."""
    measured = tuple(screening["measured"])
    ranges = [(name, *bounds) for name, bounds in screening["range"].items()]
    orders = [tuple(order) for order in screening["order"]]

    def rank(note: str) -> int:
        return ranks.get(note.partition("=")[0], len(ranks))

    def judge(record: dict[str, Any], notes: list[str], unknown_keys: bool) -> None:
        failed = [
            name
            for name, least, greatest in ranges
            if (value := record[name]) is not None and not least <= value <= greatest
        ]
        notes += [f"{name}=range" for name in failed]
        notes += [f"{name}=order" for name in _disordered(record, orders, failed)]
        if unknown_keys:
            notes.append("json=unknown_keys")
        level = 0
        if notes:
            notes.sort(key=rank)
            record["quality_notes"] = ";".join(notes)
            level = max(LEVELS.get(note.partition("=")[2], 0) for note in notes)
        if level == 0:
            level = 1 if any(record[name] is not None for name in measured) else 9
        record["quality"] = level

    return judge


def _disordered(record: Record, orders: Iterable[tuple[Any, ...]], failed: Sequence[str]) -> list[str]:
    """Fields of which one is greater than its order allows, each once; what is out of range says nothing of another."""
    found: list[str] = []
    for greater, lesser, absolute, relative in orders:
        most, least = record[greater], record[lesser]
        if most is None or least is None or least <= most + (most * relative + absolute):
            continue
        if greater not in failed and lesser not in failed:
            found += [name for name in (greater, lesser) if name not in found]
    return found
