"""The catalog: the project's own contract loads, a province is added by files alone, every fault is told."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.catalog import Catalog, CatalogError
from tests.contract import CATALOG
from tests.pipelines.tiny import HEAD, PLAIN, RECEIVED, uploads, write_kind

PROJECT = Path(__file__).parents[2]
FIELDS = HEAD + PLAIN + "  pm10: {from: dust, unit: mg/m3}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the project's contract, to be changed."""
    return Path(shutil.copytree(CATALOG.root, tmp_path / "avro_schemas"))


@pytest.fixture
def bare(root: Path) -> Path:
    """The same without any province, which loads faster."""
    shutil.rmtree(root / "raw")
    return root


def add_province(root: Path, mapping: str = FIELDS) -> None:
    """A fifth, invented province that sends dust in mg/m3."""
    write_kind(root, mapping, {"at": "long", "dust": "double"})


def test_the_projects_contract_holds_four_provinces_and_the_control_stations() -> None:
    """Project, device and dust for each province, HJ 212 where devices speak it, hours of the stations for the
    national feed."""
    assert CATALOG.provinces == ("guizhou", "jiangsu", "national", "shanxi", "sichuan")
    first = {
        *((province, kind) for province in CATALOG.provinces if province != "national"
          for kind in ("project", "device", "dust-reading")),
        *(("jiangsu", "hj212"), ("shanxi", "hj212")),
        ("national", "station-reading"),
    }  # fmt: skip
    assert first <= set(CATALOG.raw)
    assert CATALOG.raw["jiangsu", "device"].subject == "raw.jiangsu.device-value"
    assert {CATALOG.raw[key].mapping.provenance for key in CATALOG.raw if key[0] == "guizhou"} == {"assumed"}


def test_a_fifth_province_needs_files_only(root: Path) -> None:
    """With a schema and a mapping in a new folder the province is there and maps its uploads."""
    add_province(root)
    catalog = Catalog.load(root)
    assert "yunnan" in catalog.provinces
    found = catalog.compiled("yunnan", "dust-reading").apply(
        uploads({"dust": "double"}, [{"dust": 0.25}], RECEIVED).select("id", "at", "dust", "_received")
    )
    assert found.select("device_code", "pm10", "_reason").row(0) == ("d", 250.0, None)


def name_after(root: Path, bound: str, other: str) -> str:
    """The mapping's name under screening rules with one bound changed."""
    rules = Path(shutil.copytree(PROJECT / "quality" / "screening", root.parent / "screening"))
    file = rules / "dust-reading.yaml"
    assert bound in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(bound, other), "utf-8")
    return Catalog.load(root, rules).compiled("yunnan", "dust-reading").name


def test_the_mappings_name_changes_with_what_decides_its_result(bare: Path) -> None:
    """Mapping, code table in use, unit, screening bound, raw default: each gives another hash; an unused table none."""
    add_province(bare)
    mapping = bare / "raw" / "yunnan" / "dust-reading.yaml"
    names = [Catalog.load(bare).compiled("yunnan", "dust-reading").name]
    assert names[0].startswith("yunnan/dust-reading@")
    assert len(names[0].partition("@")[2]) == 12
    assert Catalog.load(bare).compiled("yunnan", "dust-reading").name == names[0]
    mapping.write_text(FIELDS + "  wind_direction: {from: dust, codes: wind_1_8}\n", "utf-8")
    names.append(Catalog.load(bare).compiled("yunnan", "dust-reading").name)
    table = bare / "codes" / "wind_1_8.yaml"
    table.write_text(table.read_text("utf-8").replace("45", "46"), "utf-8")
    names.append(Catalog.load(bare).compiled("yunnan", "dust-reading").name)
    with (bare / "units.txt").open("a", encoding="utf-8") as units:
        units.write("speck = 2 * ug\n")
    names.append(Catalog.load(bare).compiled("yunnan", "dust-reading").name)
    names.append(name_after(bare, "pm10: [0, 10000]", "pm10: [0, 10]"))
    schema = bare / "raw" / "yunnan" / "dust-reading.avsc"
    schema.write_text(
        schema.read_text("utf-8").replace('["null", "double"], "default": null', '"double", "default": 0')
    )
    names.append(Catalog.load(bare).compiled("yunnan", "dust-reading").name)
    assert len(set(names)) == 6
    unused = bare / "codes" / "yes_no.yaml"
    unused.write_text(unused.read_text("utf-8").replace("usual", "known"), "utf-8")
    assert Catalog.load(bare).compiled("yunnan", "dust-reading").name == names[-1]


# What is added to or replaced in the invented mapping → the words that the message must hold.
MAPPING_FAULTS: dict[str, tuple[Callable[[str], str], list[str]]] = {
    "unknown key": (lambda text: text + "units: {}\n", ["file", "unknown key 'units'"]),
    "unknown rule key": (lambda text: text.replace("unit:", "units:"), ["pm10", "unknown key 'units'", "unit"]),
    "no such canonical field": (lambda text: text.replace("pm10", "pm11"), ["pm11", "no field a mapping can fill"]),
    "envelope field": (lambda text: text + "  vendor: {const: x}\n", ["vendor", "no field a mapping can fill"]),
    "no such raw field": (lambda text: text.replace("dust,", "dusst,"), ["pm10", "'dusst'", "raw schema"]),
    "unit of another quantity": (lambda text: text.replace("mg/m3", "m/s"), ["pm10", "'m/s'", "converts to ug/m3"]),
    "unit missing": (lambda text: text.replace(", unit: mg/m3", ""), ["pm10", "unit is missing", "ug/m3"]),
    "unit where none is": (
        lambda text: text + "  sample_count: {from: dust, unit: s}\n", ["sample_count", "no unit", "Remove unit"],
    ),
    "no such code table": (lambda text: text + "  wind_direction: {from: dust, codes: w9}\n", ["w9", "codes/w9.yaml"]),
    "table of another type": (
        lambda text: text + "  wind_direction: {from: dust, codes: yes_no}\n", ["yes_no", "not of type double"],
    ),
    "no such identifier": (
        lambda text: text + "  project_code: {from: id, identifier: isbn}\n", ["project_code", "'isbn'", "uscc"],
    ),
    "bad time format": (lambda text: text.replace("epoch_ms", "hh:mm"), ["observed_at", "'hh:mm'", "yyyy-MM-dd"]),
    "text format for a number": (lambda text: text.replace("epoch_ms", "yyyy-MM-dd"), ["observed_at", "integer"]),
    "two origins": (lambda text: text.replace("{const: minute}", "{const: a, from: id}"), ["period", "one origin"]),
    "never null not required": (lambda text: text.replace(", required: true", ""), ["device_code", "required: true"]),
    "never null not mapped": (lambda text: text.replace("  period: {const: minute}\n", ""), ["period", "not mapped"]),
    "key without meaning": (lambda text: text.replace("unit: mg/m3", "unit: mg/m3, time: epoch_s"), ["time", "Remove"]),
    "bad shift": (lambda text: text.replace("epoch_ms,", "epoch_ms, shift: soon,"), ["observed_at", "-1h"]),
    "sentinel that is no number": (lambda text: text.replace("mg/m3", "mg/m3, sentinels: [x]"), ["pm10", "sentinels"]),
    "bad choice": (
        lambda text: text + "  project_code: {from: id, identifier: uscc, invalid: keep}\n", ["invalid: note"],
    ),
    "bad provenance": (lambda text: text.replace("assumed", "rumour"), ["provenance", "second-hand"]),
    "other province": (lambda text: text.replace("yunnan", "hunan"), ["province", "'yunnan'"]),
    "bad zone": (lambda text: text + "zone: Asia/Nowhere\n", ["zone", "Asia/Shanghai"]),
    "vendor's fault": (
        lambda text: text + "vendors: {acme: {fields: {pm10: {unit: m/s}}}}\n", ["pm10", "'m/s'"],
    ),
    "fields is a list": (lambda text: text.partition("fields:")[0] + "fields: [pm10]\n", ["fields", "named keys"]),
    "rule is a text": (lambda text: text.replace("{from: dust, unit: mg/m3}", "dust"), ["pm10", "named keys"]),
    "format read as number": (lambda text: text.replace("epoch_ms", "20"), ["observed_at", "time holds [20]"]),
    "two code tables": (lambda text: text + "  wind_direction: {from: dust, codes: [a, b]}\n", ["codes is a list"]),
    "alias is a number": (lambda text: text.replace("mg/m3", "mg/m3, alias: 3"), ["pm10", "alias: {360: 0}"]),
    "const of another type": (lambda text: text.replace("const: minute", "const: 1"), ["period", "const 1", "string"]),
    "required may become null": (
        lambda text: text.replace("{const: minute}", "{from: id, codes: period_words, unknown: note, required: true}"),
        ["period", "could become null"],
    ),
    "vendor without fields": (lambda text: text + "vendors: {acme: {}}\n", ["vendors.acme.fields"]),
    "vendor that is no topic's": (
        lambda text: text + "vendors: {Acme: {fields: {pm10: {unit: ug/m3}}}}\n", ["vendors.Acme", "lower-case"],
    ),
    "absent time is a text": (
        lambda text: text.replace("epoch_ms, required: true", "epoch_ms, absent: now"), ["observed_at", "received"],
    ),
    "absent of another type": (
        lambda text: text.replace("{const: minute}", "{from: id, absent: 1}"), ["period", "absent 1", "string"],
    ),
    "absent measurement": (lambda text: text.replace("mg/m3", "mg/m3, absent: 0"), ["pm10", "Remove absent"]),
    "required and absent": (
        lambda text: text.replace("{const: minute}", "{from: id, absent: minute, required: true}"),
        ["period", "Remove required"],
    ),
    "no YAML": (lambda text: text + "a: b: c\n", ["not YAML"]),
}  # fmt: skip


@pytest.mark.parametrize("case", MAPPING_FAULTS)
def test_a_wrong_mapping_is_told_with_file_field_and_remedy(bare: Path, case: str) -> None:
    """The message names the file, the field and what to write instead."""
    change, words = MAPPING_FAULTS[case]
    add_province(bare, change(FIELDS))
    with pytest.raises(CatalogError) as caught:
        Catalog.load(bare)
    for word in ("yunnan/dust-reading.yaml", *words):
        assert word in str(caught.value)


# Change to the invented raw schema → words of the message.
SCHEMA_FAULTS: dict[str, tuple[dict[str, object], list[str]]] = {
    "wide union": ({"type": ["null", "string", "int"], "default": None}, ["dust", '["null", T]']),
    "null not first": ({"type": ["string", "null"], "default": "x"}, ["dust", '["null", T]']),
    "no default": ({"type": ["null", "double"]}, ["dust", "default null"]),
    "unsupported type": ({"type": ["null", "bytes"], "default": None}, ["dust", "bytes", "double"]),
    "no Chinese name": ({"type": "double", "doc": "Dust."}, ["dust", "Chinese"]),
    "no such type": ({"type": "decimalish"}, ["not valid Avro"]),
    "key used twice": ({"type": "double", "zh": "尘", "doc": "Dust.", "json": "id"}, ["id", "json", "twice"]),
}


@pytest.mark.parametrize("case", SCHEMA_FAULTS)
def test_a_wrong_schema_is_told_with_file_field_and_remedy(bare: Path, case: str) -> None:
    """What the hub cannot read fast and safely is refused when the catalog loads."""
    add_province(bare)
    file = bare / "raw" / "yunnan" / "dust-reading.avsc"
    schema = json.loads(file.read_text("utf-8"))
    changed, words = SCHEMA_FAULTS[case]
    schema["fields"][-1] = {"name": "dust", **changed}
    file.write_text(json.dumps(schema), "utf-8")
    with pytest.raises(CatalogError) as caught:
        Catalog.load(bare)
    for word in ("dust-reading.avsc", *words):
        assert word in str(caught.value)


def test_a_schema_without_mapping_and_a_mapping_without_schema_are_told(bare: Path) -> None:
    """Both stand beside each other, or neither."""
    add_province(bare)
    folder = bare / "raw" / "yunnan"
    mapping = (folder / "dust-reading.yaml").rename(folder / "device.yaml")
    with pytest.raises(CatalogError, match=r"Write dust-reading\.yaml beside the schema"):
        Catalog.load(bare)
    (folder / "dust-reading.avsc").unlink()
    with pytest.raises(CatalogError, match=r"Write device\.avsc beside it"):
        Catalog.load(bare)
    mapping.unlink()
    assert "yunnan" not in Catalog.load(bare).provinces


def test_a_folder_that_is_no_contract_is_told(tmp_path: Path) -> None:
    """A mistyped folder is not an empty catalog."""
    with pytest.raises(CatalogError, match="holds no contract"):
        Catalog.load(tmp_path)


def test_a_contract_may_lack_kinds_that_have_rules(bare: Path) -> None:
    """An earlier release's contract, without kinds and without the hub's own, loads with today's screening rules."""
    (bare / "canonical" / "headcount.avsc").unlink()
    shutil.rmtree(bare / "hub")
    catalog = Catalog.load(bare)
    assert "headcount" not in catalog.screening
    assert set(catalog.screening) < set(CATALOG.screening)
    assert not catalog.hub


def test_the_example_of_the_grammar_page_holds(bare: Path) -> None:
    """The mapping printed in docs/mapping.md loads beside Jiangsu's raw schema."""
    page = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text("utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    folder = bare / "raw" / "jiangsu"
    folder.mkdir(parents=True)
    shutil.copy(CATALOG.raw["jiangsu", "dust-reading"].file, folder)
    (folder / "dust-reading.yaml").write_text(example, "utf-8")
    assert Catalog.load(bare).raw["jiangsu", "dust-reading"].mapping.vendors.keys() == {"zhuzhi"}


def test_a_code_table_without_a_source_is_told(bare: Path) -> None:
    """A table must say where it is known from."""
    table = bare / "codes" / "wind_1_8.yaml"
    table.write_text("title: x\nzh: 风\nprovenance: assumed\nvalues: {'1': 0}\n", "utf-8")
    with pytest.raises(CatalogError, match=r"wind_1_8\.yaml: source"):
        Catalog.load(bare)
    table.write_text("title: x\nzh: 风\nprovenance: assumed\nsource: s\nvalues: {'1': 0, '2': east}\n", "utf-8")
    with pytest.raises(CatalogError, match="different types"):
        Catalog.load(bare)
