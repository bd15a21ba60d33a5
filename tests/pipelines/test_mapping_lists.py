"""Arrays of texts: bit words, flags, codes and lists, each against a plain reading of the grammar."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.catalog import CatalogError
from tests.contract import CATALOG
from tests.pipelines.tiny import mapped, texts

CRANE = """\
  device_code: {from: id, required: true}
  observed_at: {from: at, time: epoch_ms, required: true}
  period: {const: instant}
"""
BITS = {int(bit): symbol for bit, symbol in CATALOG.codes["crane_alarm_bits"].values.items()}


def crane(folder: Path, kind: Any, rule: str, *said: Any) -> pl.DataFrame:
    """Crane readings whose field `a` says something of alarms."""
    records = [{"id": "d", "at": 1_772_510_400_000, "a": value} for value in said]
    return mapped(
        folder, "crane-reading", {"id": "string", "at": "long", "a": kind}, f"{CRANE}  alarms: {rule}\n", *records
    )


@given(words=st.lists(st.integers(0, 511), min_size=1, max_size=20))
def test_a_bit_word_holds_the_alarms_of_its_bits(tmp_path_factory: pytest.TempPathFactory, words: list[int]) -> None:
    """Each symbol once, in the order of the table, whatever the word."""
    found = crane(tmp_path_factory.mktemp("bits"), "int", "{from: a, bits: crane_alarm_bits}", *words)
    expected = [list(dict.fromkeys(symbol for bit, symbol in BITS.items() if word & bit)) for word in words]
    assert found["alarms"].to_list() == expected
    assert found["_reason"].null_count() == len(words)


def test_a_bit_that_no_table_knows(tmp_path: Path) -> None:
    """It is refused, noted or ignored, as the mapping says; the known ones stay."""
    strict = crane(tmp_path, "int", "{from: a, bits: crane_alarm_bits}", 64, 512 + 64, None)
    assert strict["_reason"].to_list() == [None, "bad_code", None]
    assert strict["alarms"].to_list()[::2] == [["load"], None]
    noted = crane(tmp_path, "int", "{from: a, bits: crane_alarm_bits, unknown: note}", 512 + 64)
    assert noted.select("alarms", "_notes").row(0) == (["load"], "alarms=unknown_code")
    doors = "{from: a, bits: crane_alarm_bits, unknown: ignore}"
    assert crane(tmp_path, "int", doors, 512 + 64).select("alarms", "_notes").row(0) == (["load"], None)


def test_a_text_of_binary_digits_is_a_bit_word(tmp_path: Path) -> None:
    """00010000 speed, 00000010 load, 00000100 tilt, and combinations; other texts are no bit word."""
    said = ("00000000", "00010000", "00000010", "00000110", "", "2", "0001000x")
    found = crane(tmp_path, "string", "{from: a, bits: hoist_alarm_digits, base: 2}", *said)
    assert found["alarms"].to_list()[:5] == [[], ["speed"], ["load"], ["load", "tilt"], None]
    assert found["_reason"].to_list() == [None] * 5 + ["bad_code"] * 2


def test_flags_are_the_alarms_whose_fields_say_yes(tmp_path: Path) -> None:
    """Booleans, numbers and words; null where no field says anything; neither yes nor no is refused."""
    raw = {"id": "string", "at": "long", "f": "boolean", "g": "int", "h": "string"}
    rules = CRANE + "  alarms: {when: {f: load, g: wind, h: tilt}}\n"
    usual = {"id": "d", "at": 1_772_510_400_000}
    said: list[dict[str, Any]] = [{"f": True, "g": 0, "h": "是"}, {"g": 1}, {"f": False}, {}, {"h": "也许"}]
    found = mapped(tmp_path, "crane-reading", raw, rules, *({**usual, **each} for each in said))
    assert found["alarms"].to_list()[:4] == [["load", "tilt"], ["wind"], [], None]
    assert found.select("_reason", "_field").row(4) == ("bad_code", "alarms")
    assert found["_detail"][4].startswith("h holds an unknown code")


def test_one_code_may_stand_for_no_alarm_or_several(tmp_path: Path) -> None:
    """0 is no alarm and not nothing; a table of single texts gives arrays of one."""
    found = crane(tmp_path, "int", "{from: a, codes: platform_alarms_no}", 0, 2, 3, None, 4)
    assert found["alarms"].to_list() == [[], ["load"], ["bias"], None, None]
    assert found["_reason"].to_list() == [None, None, None, None, "bad_code"]
    single = crane(tmp_path, "string", "{from: a, codes: alarms_zh, unknown: note}", "力矩", "?")
    assert single["alarms"].to_list() == [["moment"], None]
    assert single["_notes"].to_list() == [None, "alarms=unknown_code"]


@pytest.mark.parametrize(("kind", "said"), [("string", "力矩, 风速,,-"), (texts(), ["力矩", " 风速 ", "", "-"])])
def test_a_list_in_a_text_or_an_array(tmp_path: Path, kind: Any, said: Any) -> None:
    """Parts are stripped, absent ones left out, codes looked up one by one; the unknown is refused or noted."""
    rule = '{from: a, codes: alarms_zh, split: ","}' if kind == "string" else "{from: a, codes: alarms_zh}"
    assert crane(tmp_path, kind, rule, said, None)["alarms"].to_list() == [["moment", "wind"], None]
    strange = "力矩,?" if kind == "string" else ["力矩", "?"]
    assert crane(tmp_path, kind, rule, strange).select("_reason", "_field").row(0) == ("bad_code", "alarms")
    noted = crane(tmp_path, kind, rule.replace("}", ", unknown: note}"), strange)
    assert noted.select("alarms", "_notes").row(0) == (["moment"], "alarms=unknown_code")


def test_an_array_of_texts_is_taken_as_it_is(tmp_path: Path) -> None:
    """Pictures of an alert; a text with a NUL is refused."""
    rules = """\
  device_code: {from: id, required: true}
  observed_at: {from: at, time: epoch_ms, required: true}
  alert_type: {const: smoke}
  pictures: {from: p}
"""
    usual = {"id": "d", "at": 1_772_510_400_000}
    raw = {"id": "string", "at": "long", "p": texts()}
    said: list[dict[str, Any]] = [{"p": ["a.jpg", "b.jpg"]}, {"p": []}, {"p": None}, {"p": ["a\0"]}]
    found = mapped(tmp_path, "ai-alert", raw, rules, *({**usual, **each} for each in said))
    assert found["pictures"].to_list()[:3] == [["a.jpg", "b.jpg"], [], None]
    assert found["_reason"].to_list() == [None, None, None, "undecodable"]


# Rule of `alarms` and raw type of `a` → words of the message.
FAULTS = {
    "a table that holds no bits": ("int", "{from: a, bits: alarms_zh}", "holds no bits"),
    "an alarm that no list knows": ("int", "{from: a, bits: hoist_door_bits}", "none of its symbols"),
    "a flag that stands for no alarm": ("int", "{when: {a: loud}}", "'loud' is none of its symbols"),
    "words without a table": (texts(), "{from: a}", "closed list of symbols"),
    "a base that is none": ("int", "{from: a, bits: crane_alarm_bits, base: 8}", "base is 8"),
    "an array as one value": (texts(), "{from: a, bits: crane_alarm_bits}", "'a' is an array"),
    "ignoring of unknown words": ("string", "{from: a, codes: alarms_zh, unknown: ignore}", "unknown: note"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_wrong_rule_is_told(tmp_path: Path, case: str) -> None:
    """The message says what is wrong with the rule of an array."""
    kind, rule, words = FAULTS[case]
    with pytest.raises(CatalogError) as caught:
        crane(tmp_path, kind, rule, None)
    assert words in str(caught.value)
    assert "alarms" in str(caught.value)
