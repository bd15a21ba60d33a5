"""`sitehub catalog` as an integrator uses it."""

import json

import pytest

from sitehub.commands.catalog import app
from tests.contract import CATALOG


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> object:
    app([*words, "--json"], result_action="return_value")
    return json.loads(capsys.readouterr().out)


def test_the_list_names_kind_province_provenance_topic_and_subject(capsys: pytest.CaptureFixture[str]) -> None:
    """Every mapping, with where it is uploaded to and how well it is known."""
    rows = _json(capsys, "list")
    assert _json(capsys) == rows, "the list is what `sitehub catalog` alone prints"
    assert isinstance(rows, list)
    assert len(rows) == len(CATALOG.raw) + 3
    own = {row["kind"]: (row["province"], row["topic"]) for row in rows[-3:]}
    assert own == {
        "device-state": ("(hub)", "hub.device-state"),
        "exceedance": ("(hub)", "hub.exceedance"),
        "interface-check": ("(hub)", ""),
    }
    row = next(row for row in rows if row["topic"] == "raw.jiangsu.dust-reading")
    assert row["mapping"].startswith("jiangsu/dust-reading@")
    assert {key: row[key] for key in ("kind", "makes", "province", "provenance", "subject", "vendors")} == {
        "kind": "dust-reading",
        "makes": "dust-reading",
        "province": "jiangsu",
        "provenance": "second-hand",
        "subject": "raw.jiangsu.dust-reading-value",
        "vendors": ["zhuzhi"],
    }


def test_a_mapping_is_shown_field_by_field_with_the_vendors_unit(capsys: pytest.CaptureFixture[str]) -> None:
    """An integrator of the zhuzhi link sees mg/m3, everybody else ug/m3."""
    units = {}
    for words in (["--vendor", "zhuzhi"], []):
        shown = _json(capsys, "show", "jiangsu", "dust-reading", *words)
        assert isinstance(shown, dict)
        fields = {row["field"]: row for row in shown["fields"]}
        units[bool(words)] = fields["pm2_5"]["unit"]
        assert fields["pm2_5"]["upload"] == ["pm2dot5"]
        assert fields["device_code"]["required"] == "yes"
        assert "北" not in fields["wind_direction"]["rule"]
        assert "wind_points_zh" in fields["wind_direction"]["rule"]
    assert units == {True: "mg/m3 → ug/m3", False: "ug/m3"}


def test_the_table_names_the_json_key_and_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    """A key with a dot is shown as it is sent, beside its Avro name, with the Chinese name and the English text."""
    app(["show", "shanxi", "dust-reading"], result_action="return_value")
    text = capsys.readouterr().out
    for word in ("PM2.5 (Avro: PM2_5)", "yyyy-MM-dd HH:mm:ss", "wind_1_8", "风向代码", "Wind speed.", "9999"):
        assert word in text


def test_an_arrays_items_are_shown_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    """points.value is got from data.watchPointValue."""
    shown = _json(capsys, "show", "jiangsu", "pit-reading")
    assert isinstance(shown, dict)
    fields = {row["field"]: row for row in shown["fields"]}
    assert fields["points"]["upload"] == ["data"]
    assert fields["points.value"]["upload"] == ["data.watchPointValue"]
    assert "not measured: -9999" in fields["points.value"]["rule"]


def test_what_is_due_until_a_day_is_due_until_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    """The table says it, for who sends a date alone."""
    shown = _json(capsys, "show", "jiangsu", "organization")
    assert isinstance(shown, dict)
    fields = {row["field"]: row for row in shown["fields"]}
    assert "a date alone means the end of that day" in fields["qualification_valid_to"]["rule"]


def test_an_unknown_kind_lists_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what there is."""
    with pytest.raises(SystemExit) as left:
        app(["show", "jiangsu", "noise"])
    assert left.value.code == 2
    assert "jiangsu dust-reading" in capsys.readouterr().err
