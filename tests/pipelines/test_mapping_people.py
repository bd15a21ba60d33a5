"""People: pseudonyms, what a citizen number tells, masks, and that nothing lets a number through."""

import hashlib
import hmac
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from stdnum.cn import ric

from pipelines.catalog import CatalogError
from pipelines.mapping.people import EXAMPLE_KEY, PersonKey, PersonKeyError
from tests.pipelines.plausible import citizen
from tests.pipelines.tiny import mapped, texts

USUAL = {"project": "P", "at": 1_772_510_400_000}
RAW: dict[str, Any] = {"project": "string", "at": "long", "id": "string", "word": "string"}
HEAD = """\
  project_code: {from: project, required: true}
  observed_at: {from: at, time: epoch_ms, required: true}
  role: {const: labour}
"""
WORKER = HEAD + "  person_id: {from: id, pseudonym: citizen, required: true}\n"


def workers(folder: Path, rules: str, *numbers: str | None) -> pl.DataFrame:
    """Workers of these citizen numbers."""
    return mapped(folder, "worker", RAW, rules, *({**USUAL, "id": number} for number in numbers))


def test_a_pseudonym_is_the_hmac_of_the_number(tmp_path: Path) -> None:
    """Key id in front, the same for upper and lower case, another for another key; the number is nowhere."""
    rng = random.Random(1)
    numbers = [citizen(rng) for _ in range(50)]
    found = workers(tmp_path, WORKER, *numbers)["person_id"].to_list()
    expected = [hmac.new(EXAMPLE_KEY.secret, number.encode(), hashlib.sha256).hexdigest()[:32] for number in numbers]
    assert found == [f"{EXAMPLE_KEY.key_id}-{digest}" for digest in expected]
    assert len(set(found)) == 50
    lower = workers(tmp_path, WORKER, "11010519491231002x", "11010519491231002X")["person_id"]
    assert lower[0] == lower[1]
    other = PersonKey(b"x" * 32)
    assert other.pseudonym(numbers[0]) != found[0]
    assert other.key_id != EXAMPLE_KEY.key_id
    assert "xxx" not in repr(other)


def test_a_wrong_number_is_refused_or_noted(tmp_path: Path) -> None:
    """The message holds the length alone; noted, the pseudonym is kept, but nothing is read from the number."""
    refused = workers(tmp_path, WORKER, "110105194912310021")
    assert refused.select("_reason", "_field").row(0) == ("bad_identifier", "person_id")
    assert "1949" not in refused["_detail"][0] + refused["_remedy"][0]
    rules = HEAD + "  person_id: {from: id, pseudonym: citizen, invalid: note, required: true}\n"
    rules += "  birth_year: {from: id, citizen: birth_year}\n  home_adcode: {from: id, citizen: home}\n"
    noted = workers(tmp_path, rules, "110105194912310021")
    assert noted.select("birth_year", "home_adcode", "_notes").row(0) == (None, None, "person_id=invalid_identifier")
    assert noted["person_id"][0] == EXAMPLE_KEY.pseudonym("110105194912310021")


def test_what_a_citizen_number_tells(tmp_path: Path) -> None:
    """Year, region and sex as python-stdnum and the standard have them."""
    rules = WORKER + "  birth_year: {from: id, citizen: birth_year}\n  home_adcode: {from: id, citizen: home}\n"
    rules += "  sex: {from: id, citizen: sex}\n"
    rng = random.Random(2)
    numbers = [citizen(rng) for _ in range(100)]
    found = workers(tmp_path, rules, *numbers)
    assert found["birth_year"].to_list() == [ric.get_birth_date(number).year for number in numbers]
    assert found["home_adcode"].to_list() == [number[:6] for number in numbers]
    assert found["sex"].to_list() == ["male" if int(number[-2]) % 2 else "female" for number in numbers]


def test_any_text_that_names_a_person_has_a_pseudonym(tmp_path: Path) -> None:
    """A badge: no check, and the same pseudonym wherever the same text is sent; a list of them too."""
    rules = HEAD + "  person_id: {from: id, pseudonym: any, required: true}\n"
    found = workers(tmp_path, rules, "badge 7", None)
    assert found["person_id"][0] == EXAMPLE_KEY.pseudonym("BADGE 7")
    assert found["_reason"].to_list() == [None, "missing_field"]
    sheet = """\
  project_code: {from: project, required: true}
  observed_at: {from: at, time: epoch_ms, required: true}
  sheet_no: {from: word, required: true}
  stage: {const: found}
  inspection_kind: {const: self}
  domain: {const: safety}
  inspector_person_ids: {from: people, pseudonym: any}
"""
    raw = {**RAW, "people": texts()}
    made = mapped(
        tmp_path, "inspection", raw, sheet, {**USUAL, "word": "1", "people": ["a", " b"]}, {**USUAL, "word": "2"}
    )
    assert made["inspector_person_ids"].to_list() == [[EXAMPLE_KEY.pseudonym("A"), EXAMPLE_KEY.pseudonym("B")], None]


def test_a_mask_leaves_the_ends(tmp_path: Path) -> None:
    """苏A12345 → 苏A***5; a text too short to hide in is hidden whole."""
    rules = """\
  device_code: {from: id, required: true}
  observed_at: {from: at, time: epoch_ms, required: true}
  wash_result: {const: washed}
  plate: {from: word, mask: [2, 1]}
"""
    said = ("苏A12345", "苏A1234", "苏A12", None, "")
    found = mapped(tmp_path, "vehicle-wash", RAW, rules, *({**USUAL, "id": "d", "word": plate} for plate in said))
    assert found["plate"].to_list() == ["苏A***5", "苏A***4", "***", None, None]


def test_what_people_write_freely_hides_numbers(tmp_path: Path) -> None:
    """A citizen number, a mobile number, a plate; longer numbers and codes stay; the note says so."""
    rules = WORKER + "  team_name: {from: word}\n"
    said = ["张三110105194912310021", "打13812345678找", "苏A12345冲洗", "合同号2026123456789012345", "三班"]
    records = [{**USUAL, "id": citizen(random.Random(3)), "word": text} for text in said]
    found = mapped(tmp_path, "worker", RAW, rules, *records)
    assert found["team_name"].to_list() == ["张三***", "打***找", "***冲洗", "合同号2026123456789012345", "三班"]
    assert found["_notes"].to_list() == ["team_name=personal_data"] * 3 + [None] * 2


# Rule of a worker → words of the message.
FAULTS = {
    "a number as it is": ("  person_id: {from: id, required: true}\n", ["person_id", "pseudonym: citizen"]),
    "a region as a text": (WORKER[len(HEAD) :] + "  home_adcode: {from: id}\n", ["home_adcode", "personal data"]),
    "no such pseudonym": ("  person_id: {from: id, pseudonym: name, required: true}\n", ["'name'", "citizen, any"]),
    "a year as text": (
        WORKER[len(HEAD) :] + "  home_adcode: {from: id, citizen: birth_year}\n",
        ["not of type string"],
    ),
    "a plain certificate": (
        WORKER[len(HEAD) :] + "  certificates: {each: c, fields: {certificate_no: {from: n}}}\n",
        ["certificate_no", "mask: [2, 1]"],
    ),
    "a mask of three": ("  person_id: {from: id, pseudonym: any, required: true, mask: [1, 2, 3]}\n", ["mask: [2, 1]"]),
}


@pytest.mark.parametrize("case", FAULTS)
def test_no_mapping_lets_a_person_through(tmp_path: Path, case: str) -> None:
    """What a canonical schema marks as personal cannot be mapped plainly; the message names field and remedy."""
    rules, words = FAULTS[case]
    items = {
        "type": "array",
        "items": {
            "type": "record",
            "name": "C",
            "fields": [{"name": "n", "type": ["null", "string"], "default": None, "zh": "n", "doc": "n."}],
        },
    }
    with pytest.raises(CatalogError) as caught:
        mapped(tmp_path, "worker", {**RAW, "c": items}, HEAD + rules)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "ab" * 31])
def test_what_is_no_key_is_refused_without_the_text(text: str) -> None:
    """64 hex digits or nothing; the message does not hold what was there."""
    with pytest.raises(PersonKeyError) as caught:
        PersonKey.parse(text)
    assert not text or text not in str(caught.value)
    assert PersonKey.parse("ab" * 32 + "\n").secret == b"\xab" * 32
