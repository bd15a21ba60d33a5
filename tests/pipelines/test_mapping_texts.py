"""Texts: codes are short and visible, and no text holds what a database cannot store."""

from pathlib import Path

import orjson
import pytest

from pipelines.mapping.texts import CODE_LENGTH
from pipelines.normalise import normalise
from tests.contract import CATALOG
from tests.pipelines.invented import batch_of
from tests.pipelines.tiny import tiny, uploads


@pytest.mark.parametrize("code", ["a\0b", "a\nb", "a\x7fb", "a\x85b", "9" * (CODE_LENGTH + 1)])
def test_a_code_that_is_too_long_or_not_visible_is_refused(tmp_path: Path, code: str) -> None:
    """Field, length and remedy are told, never the code itself."""
    raw = {"p": "string"}
    found = tiny(tmp_path, raw, "  project_code: {from: p}\n").apply(uploads(raw, [{"p": code}, {"id": code}]))
    assert found.select("_reason", "_field").rows() == [
        ("bad_identifier", "project_code"),
        ("bad_identifier", "device_code"),
    ]
    assert found["_detail"][0] == (
        f"p is text of {len(code)} characters, expected a code of at most 128 without control characters"
    )
    assert found["_remedy"][1] == "Send id as a code of at most 128 visible characters."


@pytest.mark.parametrize("code", ["施工-01 号", "９", "a" * CODE_LENGTH, " padded\n"])
def test_any_visible_code_is_taken(tmp_path: Path, code: str) -> None:
    """Chinese, full-width signs and blanks inside are codes in use; blanks around are dropped."""
    found = tiny(tmp_path, {}, "").apply(uploads({}, [{"id": code}]))
    assert found.select("_reason", "device_code").row(0) == (None, code.strip())


def test_an_identifier_that_is_kept_wrong_is_still_a_code(tmp_path: Path) -> None:
    """`invalid: note` keeps a wrong identifier, not one that no database takes."""
    raw = {"p": "string"}
    rule = "  project_code: {from: p, identifier: project_code16, invalid: note}\n"
    found = tiny(tmp_path, raw, rule).apply(uploads(raw, [{"p": "x"}, {"p": "\0"}]))
    assert found.select("_reason", "_notes").rows()[0] == (None, "project_code=invalid_identifier")
    assert found["_reason"][1] == "bad_identifier"


def test_a_name_may_hold_a_line_break_but_no_nul() -> None:
    """PostgreSQL takes no U+0000 in a text: such an upload would stop the landing."""
    device = {"ProjectId": "P", "DeviceId": "D", "RecDate": "2026-02-02 10:00:00", "DeviceType": "1"}
    values = [orjson.dumps({**device, "DeviceName": name}) for name in ("two\nlines", "a\0b")]
    normalised = normalise(batch_of(*values, topic="raw.shanxi.device"), CATALOG, {})
    assert normalised.accepted["device_name"].to_list() == ["two\nlines"]
    assert normalised.rejected.select("reason", "field", "detail").rows() == [
        ("undecodable", "device_name", "DeviceName holds the character U+0000")
    ]
