"""Schema compatibility: the rules of Avro's schema resolution, held against what fastavro can really read."""

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.compatibility import backward_faults, full_faults, unreadable
from tests.contract import CATALOG


def record(*fields: dict[str, Any], name: str = "R", **more: Any) -> dict[str, Any]:
    """A record schema."""
    return {"type": "record", "name": name, "fields": list(fields), **more}


def of(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    """A field."""
    return {"name": name, "type": kind, **more}


A = of("a", "int")
READABLE = {
    "the same": (record(A), record(A)),
    "a field with default is new": (record(A, of("b", "string", default="")), record(A)),
    "a field is gone": (record(A), record(A, of("b", "string"))),
    "order changed": (record(of("b", "long"), A), record(A, of("b", "long"))),
    "int as long": (record(of("a", "long")), record(A)),
    "long as double": (record(of("a", "double")), record(of("a", "long"))),
    "bytes as string": (record(of("a", "string")), record(of("a", "bytes"))),
    "made nullable": (record(of("a", ["null", "int"])), record(A)),
    "wider union": (record(of("a", ["null", "int", "string"])), record(of("a", ["null", "int"]))),
    "promotion into a union": (record(of("a", ["null", "double"])), record(A)),
    "another namespace": (record(A, namespace="x"), record(A, namespace="y")),
    "renamed by alias": (record(of("b", "int", aliases=["a"])), record(A)),
    "array of wider": (
        record(of("a", {"type": "array", "items": "long"})),
        record(of("a", {"type": "array", "items": "int"})),
    ),
    "enum with default": (
        record(of("a", {"type": "enum", "name": "E", "symbols": ["X"], "default": "X"})),
        record(of("a", {"type": "enum", "name": "E", "symbols": ["X", "Y"]})),
    ),
    "wrapped type": (record(of("a", {"type": "int"})), record(A)),
}
UNREADABLE = {
    "a field without default is new": (record(A, of("b", "string")), record(A), "field b: is not in the writer's"),
    "long as int": (record(A), record(of("a", "long")), "field a: long cannot be read as int"),
    "double as string": (record(of("a", "string")), record(of("a", "double")), "field a: double"),
    "null dropped": (record(A), record(of("a", ["null", "int"])), "field a: null cannot be read as int"),
    "no branch": (record(of("a", ["null", "string"])), record(of("a", "double")), "field a: no branch"),
    "renamed record": (record(A, name="S"), record(A), "the record: R cannot be read as S"),
    "symbol lost": (
        record(of("a", {"type": "enum", "name": "E", "symbols": ["X"]})),
        record(of("a", {"type": "enum", "name": "E", "symbols": ["X", "Y"]})),
        "symbol Y is unknown",
    ),
    "fixed of another size": (
        record(of("a", {"type": "fixed", "name": "F", "size": 4})),
        record(of("a", {"type": "fixed", "name": "F", "size": 5})),
        "fixed of 5 bytes",
    ),
    "inner record": (record(of("a", record(of("x", "int"), name="I"))), record(of("a", record(name="I"))), "field a.x"),
    "map of narrower": (
        record(of("a", {"type": "map", "values": "int"})), record(of("a", {"type": "map", "values": "string"})), "a{}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READABLE)
def test_what_the_specification_resolves_is_accepted(case: str) -> None:
    """These reader and writer schemas match."""
    assert unreadable(*READABLE[case]) == []


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_the_specification_refuses_is_told_with_its_field(case: str) -> None:
    """These do not, and the sentence names the place."""
    reader, writer, words = UNREADABLE[case]
    faults = unreadable(reader, writer)
    assert len(faults) == 1
    assert words in faults[0]


def test_a_recursive_schema_comes_to_an_end() -> None:
    """A list of nodes that hold nodes is compared once."""
    node = record(of("next", ["null", "Node"]), of("v", "int"), name="Node")
    wide = record(of("next", ["null", "Node"]), of("v", "long"), name="Node")
    assert unreadable(wide, node) == []
    assert "field v: long" in unreadable(node, wide)[0]


def test_a_unit_or_logical_type_may_never_change() -> None:
    """Avro would read it, but old records would mean something else."""
    before = record(
        of("a", ["null", "double"], default=None, unit="ug/m3"), of("t", {"type": "long", "logicalType": "x"})
    )
    after = record(of("a", ["null", "double"], default=None, unit="mg/m3"), of("t", "long"))
    faults = backward_faults(after, before)
    assert faults[0] == "field a: unit changed from ug/m3 to mg/m3"
    assert faults[1].startswith("field t: logical type changed")


def test_canonical_schemas_must_be_readable_both_ways() -> None:
    """A field taken away with no default in the earlier version breaks its consumers: full, not backward."""
    before, after = record(A, of("b", "string")), record(A)
    assert backward_faults(after, before) == []
    assert full_faults(after, before)[0].endswith("(read by a consumer of the earlier version)")


def test_the_projects_schemas_can_follow_themselves() -> None:
    """Every schema is compatible with itself, both ways."""
    for schema in [
        *(kind.schema for kind in CATALOG.canonical.values()),
        *(raw.schema for raw in CATALOG.raw.values()),
    ]:
        assert full_faults(schema, schema) == []


SIMPLE = st.sampled_from(["null", "boolean", "int", "long", "float", "double", "string", "bytes"])
TYPES = SIMPLE | st.lists(SIMPLE, min_size=1, max_size=3, unique=True)
SAMPLES = {
    "null": None,
    "boolean": True,
    "int": 7,
    "long": 7,
    "float": 0.5,
    "double": 0.5,
    "string": "s",
    "bytes": b"b",
}


@given(reader=TYPES, writer=TYPES)
def test_the_verdict_is_the_one_of_an_avro_reader(reader: Any, writer: Any) -> None:
    """Compatible exactly when fastavro reads a value of every branch of the writer."""
    verdicts = []
    for branch in writer if isinstance(writer, list) else [writer]:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, record(of("a", branch)), {"a": SAMPLES[branch]})
        out.seek(0)
        try:
            fastavro.schemaless_reader(out, record(of("a", branch)), record(of("a", reader)))
        except fastavro.read.SchemaResolutionError:
            verdicts.append(False)
        else:
            verdicts.append(True)
    assert (unreadable(record(of("a", reader)), record(of("a", writer))) == []) == all(verdicts)
