"""`sitehub check`: verdicts on files, as a library and as a command."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import pytest

from sitehub.check import FileError, Verdict, check_file, format_of, tally
from sitehub.commands.check import check
from sitehub.settings import settings
from tests.contract import CATALOG
from tests.pipelines.invented import invented_catalog

RECEIVED = datetime(2026, 3, 5, 2, 1, tzinfo=UTC)
SOUND = {"deviceId": "JS-1", "pm2dot5": 35, "pm10": 80.5, "moniterTime": "2026-03-05 10:00:00"}


def verdicts(
    file: Path, province: str = "jiangsu", kind: str = "dust-reading", vendor: str | None = None
) -> list[Verdict]:
    """Verdicts on a file received at RECEIVED."""
    return list(check_file(CATALOG, file, format_of(file), (province, kind, vendor), RECEIVED))


def reason(verdict: Verdict) -> str | None:
    """Reason of a refusal, None of an acceptance."""
    return verdict.fault["reason"] if verdict.fault else None


def lines(file: Path, *records: dict[str, Any] | str) -> Path:
    """A file of JSON lines."""
    file.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records), "utf-8")
    return file


def test_json_lines(tmp_path: Path) -> None:
    """Each line is judged by its number; empty lines are none."""
    file = lines(tmp_path / "a.jsonl", SOUND, "", "no json", {**SOUND, "pm10": "x"})
    found = verdicts(file)
    assert [(v.place, reason(v)) for v in found] == [("line 1", None), ("line 3", "unframed"), ("line 4", "bad_number")]
    assert found[0].record is not None
    assert (found[0].record["device_code"], found[0].record["pm2_5"], found[0].record["received_at"]) == (
        "JS-1",
        35.0,
        RECEIVED,
    )
    assert found[2].fault is not None
    assert "pm10" in str(found[2].fault["remedy"])
    assert tally(found) == {("unframed", ""): 1, ("bad_number", "pm10"): 1}


def test_csv_cells_take_the_raw_types(tmp_path: Path) -> None:
    """Cells become the schema's types by name or JSON key, empty ones null; what does not parse is told by field."""
    file = tmp_path / "a.csv"
    text = "DeviceId,PM2.5,PM10,RecDate,DataType\nSX-1,35,,2026-03-05 10:00:00,Min\nSX-1,35,-,2026-03-05 10:00:00,Min\n"
    file.write_text(text, "utf-8-sig")
    rows = [verdict.record or {} for verdict in verdicts(file, "shanxi")]
    assert [(row["pm2_5"], row["pm10"]) for row in rows] == [(35.0, None), (35.0, None)]
    numeric = tmp_path / "b.csv"
    numeric.write_text(
        "deviceNo,collectTime,pm25,windDir\nGZ-1,1772676000000,35.5,4\nGZ-1,1772676000000,viel,4\n", "utf-8"
    )
    first, second = verdicts(numeric, "guizhou")
    assert first.record is not None
    assert (first.record["pm2_5"], first.record["wind_direction"]) == (35.5, 90.0)
    assert (second.place, reason(second)) == ("line 3", "bad_number")


def test_avro_container(tmp_path: Path) -> None:
    """Records of an object container are judged by the file's own schema."""
    file = tmp_path / "a.avro"
    raw = CATALOG.raw["jiangsu", "dust-reading"]
    with file.open("wb") as out:
        fastavro.writer(
            out, fastavro.parse_schema(raw.schema), [SOUND, {**SOUND, "moniterTime": "2026-02-30 10:00:00"}]
        )
    assert [(v.place, reason(v)) for v in verdicts(file)] == [("record 1", None), ("record 2", "bad_time")]


def test_vendor_units(tmp_path: Path) -> None:
    """With --vendor the link's own mapping holds."""
    (found,) = verdicts(lines(tmp_path / "a.jsonl", {**SOUND, "pm2dot5": 0.035}), vendor="zhuzhi")
    assert found.record is not None
    assert (found.record["vendor"], found.record["pm2_5"]) == ("zhuzhi", 35.0)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"name,value\n1,2\n", "begin with a header of deviceId"),
        ("a.csv", b"deviceId,pm10\nA,1,2\n", "line 2 has 3 cells"),
        ("a.csv", "deviceId,windDirection\nA,北\n".encode("gbk"), "save it as CSV UTF-8"),
        ("a.avro", b"no avro", "no Avro object container"),
        ("a.txt", b"", "give --format"),
    ],
)
def test_unreadable_files_are_told(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    """A file that holds no uploads is refused as a whole, with place and remedy."""
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(FileError, match=told):
        verdicts(file)


def test_many_uploads_keep_their_places(tmp_path: Path) -> None:
    """A file longer than a batch is judged line by line in its order."""
    file = lines(tmp_path / "a.jsonl", *[SOUND if n % 1000 else "x" for n in range(6001)])
    found = verdicts(file)
    assert [v.place for v in found if v.fault] == [f"line {n + 1}" for n in range(0, 6001, 1000)]
    assert len(found) == 6001


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command as a user types it."""
    command = [str(Path(sys.executable).with_name("sitehub")), "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_command(tmp_path: Path) -> None:
    """The command prints verdicts and remedies, ends with 0, 1 or 2, and names the choices on wrong usage."""
    place = ("--province", "jiangsu", "--kind", "dust-reading", "--received-at", "2026-03-05T10:01:00")
    good = lines(tmp_path / "good.jsonl", SOUND)
    accepted = run(str(good), *place, "--json")
    assert accepted.returncode == 0, accepted.stderr
    report = json.loads(accepted.stdout)
    record = report["uploads"][0]["record"]
    assert (report["accepted"], report["rejected"], record["pm2_5"]) == (1, 0, 35.0)
    assert record["received_at"].startswith("2026-03-05T02:01:00")
    rejected = run(str(lines(tmp_path / "mixed.jsonl", SOUND, {**SOUND, "moniterTime": "2026-03-05 18:00:00"})), *place)
    assert rejected.returncode == 1
    assert "✗ line 2  future_time  observed_at" in rejected.stdout
    assert rejected.stdout.endswith("1 accepted, 1 rejected\n")
    unknown = run(str(good), "--province", "jiangsu", "--kind", "dust")
    assert unknown.returncode == 2
    kinds = ", ".join(sorted(kind for province, kind in CATALOG.raw if province == "jiangsu"))
    assert f"choose one of {kinds}" in unknown.stderr


def test_command_judges_by_the_catalog_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A feed that only the operator's own catalog has can be tried out before it goes live."""
    invented_catalog(tmp_path / "catalog")
    monkeypatch.setenv("SITEHUB_CATALOG_DIR", str(tmp_path / "catalog"))
    settings.cache_clear()
    try:
        file = lines(tmp_path / "a.jsonl", {"code": "YN-1", "at": 1_770_000_000_000})
        with pytest.raises(SystemExit) as left:
            check(file, province="yunnan", kind="dust-reading")
        assert left.value.code == 0, capsys.readouterr().err
    finally:
        settings.cache_clear()
