"""The job as one JSON object (任务说明): what a contestant must know of the contract, in no library's terms.

Contestants run in environments of their own, some in Java: they read this file, not the catalog.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from pipelines.catalog import Catalog, RawKind
from pipelines.codec.resolve import physical
from pipelines.mapping.compiled import CompiledMapping
from pipelines.mapping.grammar import Rule
from pipelines.mapping.units import conversion
from pipelines.names import canonical_topic, quarantine_topic, subject_of

KIND: Final = "dust-reading"
PROVINCES: Final = ("guizhou", "jiangsu", "shanxi", "sichuan")


def job(catalog: Catalog, schema_ids: Mapping[str, int], **run: Any) -> dict[str, Any]:
    """All of the job. `schema_ids`: subject → id. `run`: broker, registry, group, prefix and guarantee of one run."""
    kind, screening = catalog.canonical[KIND], catalog.screening[KIND]
    topic = canonical_topic(KIND)
    raws = [raw for (_, name), raw in catalog.raw.items() if name == KIND]
    return {
        **run,
        "kind": KIND,
        "canonical": {"topic": topic, "schema": physical(kind.schema), "schema_id": schema_ids[subject_of(topic)]},
        "screening": {
            "measured": screening.measured,
            "range": screening.ranges,
            "order": [(order.greater, order.lesser, order.absolute, order.relative) for order in screening.orders],
        },
        "topics": {raw.topic: _dialect(catalog, raw) for raw in raws},
    }


def write_job(file: Path, content: Mapping[str, Any]) -> Path:
    """Write it where a contestant will read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    return file


def _dialect(catalog: Catalog, raw: RawKind) -> dict[str, Any]:
    compiled: CompiledMapping = catalog.compiled(raw.province, raw.kind)
    return {
        "province": raw.province,
        "subject": raw.subject,
        "quarantine": quarantine_topic(raw.province),
        "mapping": compiled.name,
        "schema": physical(raw.schema),
        "json": {field.name: field.json for field in raw.fields},
        "absent": raw.mapping.absent,
        "rules": {name: _rule(catalog, raw, raw.mapping.rules[name]) for name in compiled.fields},
    }


def _rule(catalog: Catalog, raw: RawKind, rule: Rule) -> dict[str, Any]:
    """A rule with its unit as factor and offset and its code table spelt out."""
    if rule.shift or rule.invalid != "reject":
        raise NotImplementedError(f"{raw.topic}: {rule.name}: the benchmark's job has no shift and no invalid: note")
    unit = catalog.canonical[raw.kind].by_name[rule.name].unit
    linear = conversion(catalog.root / "units.txt", rule.unit, unit) if rule.unit and unit else None
    return {
        "sources": rule.sources,
        "compose": rule.compose,
        "const": rule.const,
        "required": rule.required,
        "factor": linear.factor if linear else 1.0,
        "offset": linear.offset if linear else 0.0,
        "sentinels": rule.sentinels,
        "alias": [*rule.alias.items()],
        "codes": dict(catalog.codes[rule.codes].values) if rule.codes else None,
        "unknown": rule.unknown,
        "time": rule.time,
        "by_format": dict(rule.by_format),
        "identifier": rule.identifier,
        "absent": rule.absent,
    }
