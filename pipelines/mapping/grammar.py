"""The mapping file as frozen objects, read with clear errors. The grammar is described in docs/mapping.md."""

import re
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.contract import CatalogError, Field, read_fields, read_json, read_yaml, require_sourced
from pipelines.decoders import DECODERS
from pipelines.names import RawTopic

DEFAULT_ABSENT = ("", "-", "--", "null", "NULL", "NaN")
DEFAULT_ZONE = "Asia/Shanghai"

_ORIGINS = ("from", "compose", "const", "when", "each")
_RULE_KEYS = {
    *_ORIGINS, "required", "unit", "sentinels", "alias", "codes", "unknown",
    "time", "day", "shift", "absent", "by_format", "identifier", "invalid", "flag", "flags",
    "bits", "base", "split", "fields", "pseudonym", "citizen", "mask",
}  # fmt: skip
_FILE_KEYS = {"kind", "province", "provenance", "source", "decoder", "zone", "fields", "absent", "vendors"}
_SHIFT = re.compile(r"([+-]?)(\d+)(s|min|h|d)")
_SHIFT_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_CHOICES = {"unknown": ("reject", "note"), "invalid": ("reject", "note"), "day": ("start", "end")}  # the first: default
_PART = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Rule:
    """How one canonical field is got from an upload."""

    name: str
    sources: tuple[str, ...] = ()
    compose: tuple[str, ...] = ()
    const: str | float | bool | None = None
    required: bool = False
    unit: str | None = None
    sentinels: tuple[float, ...] = ()
    alias: MappingABC[float, float] = field(default_factory=lambda: MappingProxyType({}))
    codes: str | None = None
    unknown: str = "reject"
    time: tuple[str, ...] = ()
    day: str = "start"
    shift: timedelta = timedelta()
    absent: str | float | bool | None = None
    by_format: MappingABC[str, str] = field(default_factory=lambda: MappingProxyType({}))
    identifier: str | None = None
    invalid: str = "reject"
    flag: tuple[str, ...] = ()
    flags: str | None = None
    bits: str | None = None
    base: int = 10
    when: MappingABC[str, str] = field(default_factory=lambda: MappingProxyType({}))
    split: str | None = None
    each: str | None = None
    fields: MappingABC[str, "Rule"] = field(default_factory=lambda: MappingProxyType({}))
    pseudonym: str | None = None
    citizen: str | None = None
    mask: tuple[int, ...] = ()

    @property
    def raw_fields(self) -> tuple[str, ...]:
        """Names of the raw fields that the rule reads; of an array, not those of its items."""
        composed = tuple(match[1] for part in self.compose if (match := _PART.fullmatch(part)))
        return (*self.sources, *composed, *self.when, *filter(None, [self.each]))

    @property
    def all_rules(self) -> "tuple[Rule, ...]":
        """The rule and those of an array's items."""
        return (self, *(inner for rule in self.fields.values() for inner in rule.all_rules))


@dataclass(frozen=True)
class Mapping:
    """A mapping file (映射文件): rules by canonical field, and the overrides of single vendors.

    `kind` is the canonical kind; `decoder` the protocol that the feed speaks beside Avro and JSON, if any.
    """

    file: Path
    kind: str
    province: str
    provenance: str
    source: str
    zone: str
    absent: tuple[str, ...]
    rules: MappingABC[str, Rule]
    vendors: MappingABC[str, MappingABC[str, Rule]]
    decoder: str | None = None

    def for_vendor(self, vendor: str | None) -> MappingABC[str, Rule]:
        """The rules of a vendor's link: its overrides before the common ones."""
        return {**self.rules, **self.vendors.get(vendor or "", {})}


def part_field(part: str) -> str | None:
    """The raw field of a compose part like `{recordNumber}`; None for literal text."""
    match = _PART.fullmatch(part)
    return match[1] if match else None


def read_mapping(file: Path) -> Mapping:
    """Read one mapping file; CatalogError names the file, the field and the remedy."""
    content = read_yaml(file)
    _known_keys(file, "file", content, _FILE_KEYS)
    require_sourced(file, content, ("kind", "province", "fields"))
    decoder = content.get("decoder")
    if decoder is not None and decoder not in DECODERS:
        raise CatalogError(file, "decoder", f"{decoder!r} is no protocol", f"Use one of {', '.join(DECODERS)}")
    zone = content.get("zone", DEFAULT_ZONE)
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise CatalogError(
            file, "zone", f"{zone!r} is no time zone", f"Use an IANA name such as {DEFAULT_ZONE}"
        ) from error
    fields = _keyed(file, "fields", content["fields"])
    entries = {name: _keyed(file, name, entry) for name, entry in fields.items()}
    return Mapping(
        file=file,
        kind=content["kind"],
        province=content["province"],
        provenance=content["provenance"],
        source=content["source"],
        zone=zone,
        absent=tuple(str(text).strip() for text in content.get("absent", DEFAULT_ABSENT)),
        rules={name: _rule(file, name, entry) for name, entry in entries.items()},
        vendors={
            vendor: _overrides(file, vendor, section, entries)
            for vendor, section in _keyed(file, "vendors", content.get("vendors", {})).items()
        },
        decoder=decoder,
    )


def _overrides(file: Path, vendor: str, section: object, entries: dict[str, dict[str, Any]]) -> dict[str, Rule]:
    place = f"vendors.{vendor}"
    overrides = _keyed(file, place, section)
    _known_keys(file, place, overrides, {"fields"})
    fields = _keyed(file, f"{place}.fields", overrides.get("fields"))
    changed = {name: {**entries.get(name, {}), **_keyed(file, name, entry)} for name, entry in fields.items()}
    return {name: _rule(file, f"{place}.{name}", entry, name) for name, entry in changed.items()}


def _keyed(file: Path, place: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise CatalogError(file, place, "is no mapping of named keys", f"Write e.g. {place}: {{key: value}}")
    return value


def _rule(file: Path, place: str, entry: dict[str, Any], name: str | None = None) -> Rule:
    _known_keys(file, place, entry, _RULE_KEYS)
    if sum(key in entry for key in _ORIGINS) != 1:
        raise CatalogError(file, place, "needs exactly one origin", f"Write one of {', '.join(_ORIGINS)}")
    return Rule(
        name=name or place,
        sources=_texts(file, place, entry, "from"),
        compose=_texts(file, place, entry, "compose"),
        const=entry.get("const"),
        required=_flag(file, place, entry, "required"),
        unit=_text(file, place, entry, "unit"),
        sentinels=tuple(_number(file, place, "sentinels", value) for value in _listed(entry.get("sentinels"))),
        alias=_alias(file, place, entry.get("alias", {})),
        codes=_text(file, place, entry, "codes"),
        unknown=_choice(file, place, entry, "unknown"),
        time=_texts(file, place, entry, "time"),
        day=_choice(file, place, entry, "day"),
        shift=_shift(file, place, entry.get("shift", "0s")),
        absent=entry.get("absent"),
        by_format=_keyed(file, f"{place}.by_format", entry.get("by_format", {})),
        identifier=_text(file, place, entry, "identifier"),
        invalid=_choice(file, place, entry, "invalid"),
        flag=_texts(file, place, entry, "flag"),
        flags=_text(file, place, entry, "flags"),
        bits=_text(file, place, entry, "bits"),
        base=_base(file, place, entry.get("base", 10)),
        when=_when(file, place, entry.get("when", {})),
        split=_text(file, place, entry, "split"),
        each=_text(file, place, entry, "each"),
        fields={
            inner: _rule(file, f"{place}.{inner}", _keyed(file, f"{place}.{inner}", rule), inner)
            for inner, rule in _keyed(file, f"{place}.fields", entry.get("fields", {})).items()
        },
        pseudonym=_text(file, place, entry, "pseudonym"),
        citizen=_text(file, place, entry, "citizen"),
        mask=_mask(file, place, entry.get("mask", ())),
    )


def _known_keys(file: Path, place: str, content: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(map(str, content)) - known)
    if unknown:
        raise CatalogError(file, place, f"unknown key {unknown[0]!r}", f"Use only {', '.join(sorted(known))}")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _texts(file: Path, place: str, entry: dict[str, Any], key: str) -> tuple[str, ...]:
    values = _listed(entry.get(key))
    if not all(isinstance(value, str) for value in values):
        raise CatalogError(
            file, place, f"{key} holds {values!r}", "Write texts, in quotes where YAML reads another type"
        )
    return tuple(values)


def _text(file: Path, place: str, entry: dict[str, Any], key: str) -> str | None:
    values = _texts(file, place, entry, key)
    if len(values) > 1:
        raise CatalogError(file, place, f"{key} is a list", "Write one text")
    return values[0] if values else None


def _flag(file: Path, place: str, entry: dict[str, Any], key: str) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        raise CatalogError(file, place, f"{key} is {value!r}", f"Write {key}: true or leave it out")
    return value


def _number(file: Path, place: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CatalogError(file, place, f"{key} holds {value!r}, no number", "Write numbers only")
    return float(value)


def _alias(file: Path, place: str, value: object) -> dict[float, float]:
    if not isinstance(value, dict):
        raise CatalogError(file, place, "alias is no mapping of numbers", "Write e.g. alias: {360: 0}")
    return {_number(file, place, "alias", said): _number(file, place, "alias", meant) for said, meant in value.items()}


def _choice(file: Path, place: str, entry: dict[str, Any], key: str) -> str:
    choices: tuple[str, ...] = _CHOICES[key]
    if key == "unknown" and "bits" in entry:
        choices = (*choices, "ignore")
    value = entry.get(key, choices[0])
    if value not in choices:
        raise CatalogError(file, place, f"{key} is {value!r}", f"Write {key}: {f' or {key}: '.join(choices)}")
    return str(value)


def _base(file: Path, place: str, value: object) -> int:
    if value not in (2, 10):
        raise CatalogError(
            file, place, f"base is {value!r}", "Write base: 2 for a text of binary digits, or leave it out"
        )
    return 2 if value == 2 else 10


def _when(file: Path, place: str, value: object) -> dict[str, str]:
    symbols = _keyed(file, f"{place}.when", value)
    if not all(isinstance(symbol, str) for symbol in symbols.values()):
        raise CatalogError(file, place, "when stands for other than texts", "Write when: {isLoadAlarm: load}")
    return symbols


def _mask(file: Path, place: str, value: object) -> tuple[int, ...]:
    match value:
        case () | [int(), int()] if all(type(kept) is int and kept >= 0 for kept in value):
            return tuple(value)
    raise CatalogError(file, place, f"mask is {value!r}", "Write how many characters stay, e.g. mask: [2, 1]")


def _shift(file: Path, place: str, text: object) -> timedelta:
    match = _SHIFT.fullmatch(str(text))
    if match is None:
        raise CatalogError(file, place, f"shift {text!r} is no duration", "Write e.g. -1h, 30min, 10s, 1d")
    sign = -1 if match[1] == "-" else 1
    return sign * timedelta(**{_SHIFT_UNITS[match[3]]: int(match[2])})


@dataclass(frozen=True)
class RawKind:
    """What one feed uploads of one kind: its schema and the mapping beside it.

    `kind` names the topic. It is the canonical kind, or where devices speak a protocol of their own, the protocol.
    """

    province: str
    kind: str
    file: Path
    schema: dict[str, Any]
    fields: tuple[Field, ...]
    mapping: Mapping

    @property
    def subject(self) -> str:
        """Registry subject, shared by the vendor topics."""
        return RawTopic(self.province, self.kind).subject

    @property
    def topic(self) -> str:
        """The topic shared by all vendors."""
        return RawTopic(self.province, self.kind).topic

    @property
    def polars_schema(self) -> pl.Schema:
        """Column names and types of a frame of decoded uploads, in order."""
        return pl.Schema({field.name: field.dtype for field in self.fields})


def read_raw(file: Path) -> RawKind:
    """Read raw/<province>/<kind>.avsc and the mapping <kind>.yaml beside it."""
    province, kind = file.parent.name, file.stem
    try:
        RawTopic(province, kind)
    except ValueError as error:
        raise CatalogError(file, "file name", str(error), "Rename the folder or file") from error
    mapping_file = file.with_suffix(".yaml")
    if not mapping_file.exists():
        raise CatalogError(file, "mapping", "is missing", f"Write {mapping_file.name} beside the schema")
    schema = read_json(file)
    mapping = read_mapping(mapping_file)
    for key, wanted, said in (
        ("province", province, mapping.province),
        ("kind", kind, mapping.decoder or mapping.kind),
    ):
        if said != wanted:
            raise CatalogError(mapping_file, key, f"{said!r} differs from the file's place", f"Write {wanted!r}")
    for vendor in mapping.vendors:
        try:
            RawTopic(province, kind, vendor)
        except ValueError as error:
            raise CatalogError(
                mapping_file, f"vendors.{vendor}", str(error), "Name the vendor as its topic does"
            ) from error
    return RawKind(province, kind, file, schema, read_fields(file, schema), mapping)
