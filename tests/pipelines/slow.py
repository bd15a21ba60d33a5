"""An independent reference of the mapping grammar: one upload at a time, in plain Python, as docs/mapping.md has it."""

import hashlib
import hmac
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pint
from stdnum.cn import ric, uscc

from pipelines.catalog import Catalog, Field, RawKind
from pipelines.mapping.grammar import Rule

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
FORMS = {
    "yyyy": r"(?P<Y>[1-9]\d{3})", "yy": r"(?P<y>\d{2})", "MM": r"(?P<m>\d{2})", "dd": r"(?P<d>\d{2})",
    "HH": r"(?P<H>\d{2})", "H": r"(?P<H>\d{1,2})", "mm": r"(?P<M>\d{2})", "ss": r"(?P<S>\d{2})", "SSS": r"(?P<f>\d{3})",
}  # fmt: skip
PLATE = "[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][A-Z][A-Z0-9]{5,6}(?![A-Za-z0-9_])"
BORN = r"[1-9]\d{5}(?:18|19|20)\d\d[01]\d[0-3]\d{4}[\dXx]"
PERSONAL = re.compile(rf"(?<![A-Za-z0-9_])(?:{BORN}|1[3-9]\d{{9}})(?![A-Za-z0-9_])|{PLATE}", re.ASCII)


class Refused(Exception):  # noqa: N818 (an outcome, not an error)
    """The upload's first fault: reason and canonical field."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(reason, field)
        self.reason, self.field = reason, field


@cache
def _registry(definitions: str) -> "pint.UnitRegistry[Decimal]":
    registry: pint.UnitRegistry[Decimal] = pint.UnitRegistry(non_int_type=Decimal)
    registry.load_definitions(definitions.splitlines())
    return registry


class Reference:
    """What a mapping makes of an upload, given in the raw schema's names and types."""

    def __init__(self, catalog: Catalog, raw: RawKind) -> None:
        self.catalog, self.raw = catalog, raw
        self.kind = catalog.canonical[raw.kind]
        self.absent = set(raw.mapping.absent)
        self.units = _registry((catalog.root / "units.txt").read_text("utf-8"))

    def record(self, upload: Mapping[str, Any], received: datetime) -> tuple[dict[str, Any], list[str]]:
        """The mapped canonical fields, and the notes in field order; raises Refused."""
        return self._record(upload, self.raw.mapping.rules, self.kind.fields, self.raw.fields, received)

    def _record(
        self,
        upload: Mapping[str, Any],
        rules: Mapping[str, Rule],
        fields: Sequence[Field],
        raw: Sequence[Field],
        received: datetime,
    ) -> tuple[dict[str, Any], list[str]]:
        types = {field.name: field for field in raw}
        made: dict[str, Any] = {}
        notes: list[str] = []
        for field in fields:
            if field.name in rules:
                made[field.name] = self._value(field, rules[field.name], upload, types, received, notes)
        return made, notes

    def _value(
        self,
        field: Field,
        rule: Rule,
        upload: Mapping[str, Any],
        types: Mapping[str, Field],
        received: datetime,
        notes: list[str],
    ) -> Any:
        if rule.const is not None:
            return rule.const
        if rule.each:
            return self._items(field, rule, upload, types, received, notes)
        if rule.when:
            return self._when(field, rule, upload, types, notes)
        if field.type == "texts" and not rule.bits and (rule.split or types[rule.sources[0]].type == "texts"):
            return self._list(field, rule, upload, notes)
        said = self._said(field, rule, upload, types)
        if said is None:
            if rule.required:
                raise Refused("missing_field", field.name)
            if rule.absent == "received":
                notes.append(f"{field.name}=arrival")
                return received
            return rule.absent
        return self._read(field, rule, said, received, notes)

    def _said(self, field: Field, rule: Rule, upload: Mapping[str, Any], types: Mapping[str, Field]) -> Any:
        if rule.compose:
            parts = [self._text(upload[part[1:-1]]) if part[0] == "{" else part for part in rule.compose]
            return None if None in parts else "".join(str(part) for part in parts)
        number = field.type in ("double", "int", "long", "boolean", "timestamp-millis") and not rule.codes
        same = len({self._sort(types[name]) for name in rule.sources}) == 1
        for name in rule.sources:
            value = upload[name]
            said = value if number and same and types[name].type != "string" else self._text(value)
            if said is not None:
                return said
        return None

    @staticmethod
    def _sort(field: Field) -> str:
        return "integer" if field.type in ("int", "long") else field.type

    def _text(self, value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return str(int(value)) if value.is_integer() else str(value)
        text = str(value).strip()
        return None if text in self.absent and isinstance(value, str) else text

    def _read(self, field: Field, rule: Rule, said: Any, received: datetime, notes: list[str]) -> Any:
        if rule.bits:
            return self._bits(field, rule, said, notes)
        if rule.citizen:
            return self._part(rule.citizen, said.upper())
        if rule.codes:
            found = self.catalog.codes[rule.codes].values.get(said)
            if found is None:
                return self._unknown(field, rule, notes)
            return [found] if field.type == "texts" and isinstance(found, str) else found
        if rule.by_format:
            return self._by_format(field, rule, said)
        if rule.time:
            return self._time(field, rule, said, received, notes)
        if field.type in ("double", "int", "long"):
            return self._number(field, rule, said, notes)
        if field.type == "boolean":
            return said
        return self._word(field, rule, said, notes)

    def _unknown(self, field: Field, rule: Rule, notes: list[str]) -> None:
        if rule.unknown == "reject":
            raise Refused("bad_code", field.name)
        notes.append(f"{field.name}=unknown_code")

    def _bits(self, field: Field, rule: Rule, said: str, notes: list[str]) -> list[str] | None:
        table = self.catalog.codes[rule.bits or ""].values
        if not re.fullmatch("[01]{1,63}" if rule.base == 2 else "[0-9]{1,18}", said):
            if rule.unknown != "ignore":
                self._unknown(field, rule, notes)
            return None
        word = int(said, rule.base)
        if rule.unknown != "ignore" and any(
            word >> place & 1 and not any(int(bit) >> place & 1 for bit in table) for place in range(63)
        ):
            self._unknown(field, rule, notes)
        return list(dict.fromkeys(str(symbol) for bit, symbol in table.items() if word & int(bit)))

    def _when(
        self, field: Field, rule: Rule, upload: Mapping[str, Any], types: Mapping[str, Field], notes: list[str]
    ) -> list[str] | None:
        table = self.catalog.codes[rule.codes or "yes_no"].values
        texts = {name: self._text(upload[name]) for name in rule.when}
        if all(text is None for text in texts.values()):
            return None
        if any(
            text is not None and types[name].type != "boolean" and text not in table for name, text in texts.items()
        ):
            self._unknown(field, rule, notes)
        held = [symbol for name, symbol in rule.when.items() if texts[name] is not None and table.get(str(texts[name]))]
        return list(dict.fromkeys(held))

    def _list(self, field: Field, rule: Rule, upload: Mapping[str, Any], notes: list[str]) -> list[str] | None:
        said = upload[rule.sources[0]]
        if isinstance(said, str):
            text = self._text(said)
            said = None if text is None else text.split(rule.split)
        if said is None:
            if rule.required:
                raise Refused("missing_field", field.name)
            return None
        parts = [part.strip() for part in said if part.strip() not in self.absent]
        if rule.pseudonym:
            return [self._pseudonym(part) for part in parts]
        if rule.codes:
            found = [self.catalog.codes[rule.codes].values.get(part) for part in parts]
            if None in found:
                self._unknown(field, rule, notes)
            return [str(symbol) for symbol in found if symbol is not None]
        if any("\0" in part for part in parts):
            raise Refused("undecodable", field.name)
        return parts

    def _items(
        self,
        field: Field,
        rule: Rule,
        upload: Mapping[str, Any],
        types: Mapping[str, Field],
        received: datetime,
        notes: list[str],
    ) -> list[dict[str, Any]] | None:
        said = upload[rule.each or ""]
        if rule.required and not said:
            raise Refused("missing_field", field.name)
        if said is None:
            return None
        made = []
        for item in said:
            try:
                values, found = self._record(item, rule.fields, field.items, types[rule.each or ""].items, received)
            except Refused as fault:
                raise Refused(fault.reason, f"{field.name}.{fault.field}") from fault
            made.append({inner.name: values.get(inner.name) for inner in field.items})
            notes += [f"{field.name}.{note}" for note in found if f"{field.name}.{note}" not in notes]
        return made

    def _number(self, field: Field, rule: Rule, said: Any, notes: list[str]) -> float | int | None:
        if isinstance(said, str) and not NUMBER.fullmatch(said):
            raise Refused("bad_number", field.name)
        value = float(said)
        if value in rule.sentinels:
            notes.append(f"{field.name}=sentinel")
            return None
        value = rule.alias.get(value, value)
        if rule.unit and field.unit and math.isfinite(value):
            zero = self.units.Quantity(Decimal(0), rule.unit).to(field.unit).magnitude
            one = self.units.Quantity(Decimal(1), rule.unit).to(field.unit).magnitude
            value = value * float(one - zero) + float(zero)
        whole = field.type != "double"
        if not math.isfinite(value) or (whole and (value != round(value) or not -(2**31) <= value < 2**31)):
            raise Refused("bad_number", field.name)
        return int(value) if whole else value

    def _form(self, name: str) -> str:
        if name.startswith("epoch"):
            return r"(?P<epoch>\d{13})" if name == "epoch_ms" else r"(?P<epoch>\d{10})"
        tokens = "|".join(sorted(FORMS, key=len, reverse=True))
        parts = re.split(f"({tokens})", name)
        return "".join(FORMS.get(part) or re.escape(part) for part in parts)

    def _instant(self, name: str, said: str) -> datetime | None:
        match = re.fullmatch(self._form(name), said, re.ASCII)
        if match is None:
            return None
        found = match.groupdict()
        if "epoch" in found:
            ms = int(found["epoch"]) * (1 if name == "epoch_ms" else 1000)
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
        year = int(found["Y"]) if found.get("Y") else 2000 + int(found["y"])
        hour, minute, second = (int(found.get(part) or 0) for part in "HMS")
        try:
            fraction = int(found.get("f") or 0) * 1000
            zone = ZoneInfo(self.raw.mapping.zone)
            local = datetime(year, int(found["m"]), int(found["d"]), hour, minute, second, fraction, zone)
        except ValueError:
            return None
        return local.astimezone(UTC)

    def _time(self, field: Field, rule: Rule, said: Any, received: datetime, notes: list[str]) -> datetime:
        found = next((at for name in rule.time if (at := self._instant(name, str(said)))), None)
        if found is None:
            raise Refused("bad_time", field.name)
        dated = any(
            re.fullmatch(self._form(name), str(said), re.ASCII) and "H" not in name
            for name in rule.time
            if "epoch" not in name
        )
        at = found + rule.shift + timedelta(days=dated and rule.day == "end")
        if field.name != "observed_at":
            return at
        if at.year < 2010:
            raise Refused("bad_time", field.name)
        ahead = at - received
        if not dated and abs(abs(ahead) - timedelta(hours=12)) <= timedelta(minutes=10):
            notes.append(f"{field.name}=twelve_hours")
        elif ahead > timedelta(minutes=10):
            raise Refused("future_time", field.name)
        return at

    def _by_format(self, field: Field, rule: Rule, said: str) -> str:
        for name, meant in rule.by_format.items():
            if re.fullmatch(self._form(name), said, re.ASCII):
                return meant
        raise Refused("bad_time", field.name)

    def _pseudonym(self, said: str) -> str:
        key = self.catalog.person_key
        digest = hmac.new(key.secret, said.upper().encode(), hashlib.sha256).hexdigest()
        return f"{key.key_id}-{digest[:32]}"

    def _word(self, field: Field, rule: Rule, said: str, notes: list[str]) -> Any:
        upper = said.upper()
        if rule.pseudonym:
            if rule.pseudonym == "citizen" and not self._citizen(upper):
                self._invalid(field, rule, notes)
            return self._pseudonym(said)
        if rule.identifier:
            if not self._identifier(rule.identifier, upper):
                self._invalid(field, rule, notes)
            return upper
        if field.name.endswith(("_code", "_no")) and (len(said) > 128 or re.search(r"[\x00-\x1f\x7f-\x9f]", said)):
            raise Refused("bad_identifier", field.name)
        if "\0" in said:
            raise Refused("undecodable", field.name)
        if rule.mask:
            head, tail = rule.mask
            return f"{said[:head]}***{said[len(said) - tail :]}" if len(said) >= 2 * (head + tail) else "***"
        if field.free_text and PERSONAL.search(said):
            notes.append(f"{field.name}=personal_data")
            return PERSONAL.sub("***", said)
        return said

    def _part(self, part: str, number: str) -> str | int | None:
        if not self._citizen(number):
            return None
        parts: dict[str, str | int] = {
            "home": number[:6],
            "birth_year": int(number[6:10]),
            "sex": "male" if int(number[16]) % 2 else "female",
        }
        return parts[part]

    @staticmethod
    def _invalid(field: Field, rule: Rule, notes: list[str]) -> None:
        if rule.invalid == "reject":
            raise Refused("bad_identifier", field.name)
        notes.append(f"{field.name}=invalid_identifier")

    @staticmethod
    def _citizen(number: str) -> bool:
        """A citizen number of 18 characters by its check character and its date, whatever its region."""
        if not re.fullmatch(r"[1-9]\d{16}[\dX]", number, re.ASCII) or ric.calc_check_digit(number) != number[-1]:
            return False
        try:
            return 1800 <= datetime.strptime(number[6:14], "%Y%m%d").year < 2100  # noqa: DTZ007
        except ValueError:
            return False

    def _identifier(self, name: str, text: str) -> bool:
        shapes = {"project_code16": r"[1-8]\d{15}", "adcode": r"[1-8]\d{5}"}
        if name in shapes:
            return bool(re.fullmatch(shapes[name], text, re.ASCII))
        if name == "citizen":
            return self._citizen(text)
        return bool(re.fullmatch(r"[0-9A-Z]{18}", text)) and uscc.is_valid(text)
