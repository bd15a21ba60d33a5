"""The lake: rows and offsets in one commit, partitions by local day, changes told by the log."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import polars as pl
import pytest
from deltalake import DeltaTable

from pipelines.contract import read_canonical
from store.lake import DEFAULT_CATALOG, QUARANTINE_SCHEMA, SHORT_LOG, Lake, OvertakenError

TOPIC = "canonical.dust-reading/0"
SCHEMA = read_canonical(DEFAULT_CATALOG / "canonical" / "dust-reading.avsc").polars_schema


def readings(*times: datetime, province: str = "jiangsu", first_offset: int = 0) -> pl.DataFrame:
    """Canonical rows of one device at the given times."""
    rows = [
        {
            "province": province,
            "device_code": "A1",
            "observed_at": time,
            "pm10": 50.0,
            "source_offset": first_offset + n,
        }
        for n, time in enumerate(times)
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake in an empty folder."""
    return Lake(str(tmp_path / "lake"))


def test_rows_come_back_by_province_and_local_day(lake: Lake) -> None:
    """An observation at 16:00 UTC belongs to the next day in China."""
    evening = datetime(2026, 3, 2, 15, 59, 59, 500_000, tzinfo=UTC)
    midnight = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    lake.append_canonical("dust-reading", readings(evening, midnight), {TOPIC: 2})
    lake.append_canonical("dust-reading", readings(midnight, province="sichuan"), {TOPIC: 3})

    found = lake.read("dust-reading", "jiangsu", "2026-03-02").collect()
    assert found["observed_at"].to_list() == [evening]
    assert found.schema == {**SCHEMA, "day": pl.String()}
    assert lake.read("dust-reading", "jiangsu", "2026-03-03").collect()["observed_at"].to_list() == [midnight]
    assert lake.read("dust-reading", day="2026-03-03").collect()["province"].sort().to_list() == ["jiangsu", "sichuan"]


def test_rows_and_offsets_are_committed_together(lake: Lake) -> None:
    """Whoever opens the lake finds the next offset that belongs to the rows it holds."""
    assert lake.transaction_version("canonical/dust-reading", TOPIC) is None
    time = datetime(2026, 3, 2, tzinfo=UTC)
    lake.append_canonical("dust-reading", readings(time), {TOPIC: 7, "canonical.dust-reading/1": 4})

    again = Lake(str(lake.table_uri("")))
    assert again.transaction_version("canonical/dust-reading", TOPIC) == 7
    assert again.transaction_version("canonical/dust-reading", "canonical.dust-reading/1") == 4


def test_an_onlooker_sees_each_commit_and_makes_nothing(lake: Lake) -> None:
    """Before the first commit there is no table, also none by looking; then the newest offsets are told."""
    onlooker = Lake(lake.table_uri(""))
    apps = [TOPIC, "canonical.dust-reading/1"]
    assert onlooker.landed("canonical/dust-reading", apps) == [None, None]
    assert not lake.exists("canonical/dust-reading")
    for offset in (1, 2):
        time = datetime(2026, 3, offset, tzinfo=UTC)
        lake.append_canonical("dust-reading", readings(time), {TOPIC: offset})
        assert onlooker.landed("canonical/dust-reading", apps) == [offset, None]
    lake.compact("canonical/dust-reading")
    assert onlooker.landed("canonical/dust-reading", apps) == [2, None]


def test_a_writer_that_was_overtaken_is_refused(lake: Lake) -> None:
    """Two landings at once: the second to commit the same stretch fails and its rows do not appear."""
    other = Lake(lake.table_uri(""))
    time = datetime(2026, 3, 2, tzinfo=UTC)
    assert lake.transaction_version("canonical/dust-reading", TOPIC) is None
    assert other.transaction_version("canonical/dust-reading", TOPIC) is None
    lake.append_canonical("dust-reading", readings(time), {TOPIC: 1})
    with pytest.raises(OvertakenError, match=r"another landing has brought canonical\.dust-reading/0 to 1, not from"):
        other.append_canonical("dust-reading", readings(time), {TOPIC: 1})
    assert lake.read("dust-reading").collect().height == 1


def test_a_writer_opened_anew_is_refused_as_before(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another landing committed since is not taken for the writer's own, although it is there to be read."""
    monkeypatch.setattr("store.open_table.RENEWED", 2)
    other = Lake(lake.table_uri(""))
    time = datetime(2026, 3, 2, tzinfo=UTC)
    renewed = other._writer("canonical/dust-reading")
    first = renewed.table
    for offset in (1, 2):
        other.append_canonical("dust-reading", readings(time), {"canonical.dust-reading/1": offset})
    assert renewed.table is not first
    assert other.transaction_version("canonical/dust-reading", "canonical.dust-reading/1") == 2
    lake.append_canonical("dust-reading", readings(time), {TOPIC: 1})
    renewed._renewed_at = -1
    renewed.renew()
    with pytest.raises(OvertakenError, match=r"another landing has brought canonical\.dust-reading/0 to 1, not from"):
        other.append_canonical("dust-reading", readings(time), {TOPIC: 1})
    assert lake.read("dust-reading").collect().height == 3


def test_a_writer_goes_on_after_its_log_was_cleaned(lake: Lake) -> None:
    """Of a kind that nothing came of for weeks, while others changed files: the log behind its last commit is gone."""
    table, idle = "canonical/dust-reading", "canonical.dust-reading/1"
    other = Lake(lake.table_uri(""))
    other.append_canonical("dust-reading", readings(datetime(2026, 3, 2, tzinfo=UTC)), {idle: 1})
    for day in (3, 4, 5):
        lake.append_canonical("dust-reading", readings(datetime(2026, 3, day, tzinfo=UTC)), {TOPIC: day})
    clean(lake, table)
    other.append_canonical("dust-reading", readings(datetime(2026, 3, 6, tzinfo=UTC)), {idle: 2})
    assert lake.read("dust-reading").collect().height == 5
    assert Lake(lake.table_uri("")).landed(table, [TOPIC, idle]) == [5, 2]
    other.append_canonical("dust-reading", readings(datetime(2026, 3, 7, tzinfo=UTC)), {TOPIC: 6})
    with pytest.raises(OvertakenError, match="to 6, not from 5"):
        lake.append_canonical("dust-reading", readings(datetime(2026, 3, 7, tzinfo=UTC)), {TOPIC: 6})
    assert lake.read("dust-reading").collect().height == 6


def clean(lake: Lake, table: str) -> None:
    """As Delta does it a day later, after a checkpoint."""
    opened = DeltaTable(lake.table_uri(table))
    opened.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})
    opened.create_checkpoint()
    opened.cleanup_metadata()
    assert len(DeltaTable(lake.table_uri(table)).history()) < 3


def test_whoever_holds_a_table_opens_it_anew_now_and_then(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held for ever, a table costs more memory and time with each version: rows and offsets stay what they are."""
    monkeypatch.setattr("store.open_table.RENEWED", 3)
    onlooker = Lake(lake.table_uri(""))
    held: list[DeltaTable] = []
    for offset in range(1, 11):
        lake.append_canonical("dust-reading", readings(datetime(2026, 3, offset, tzinfo=UTC)), {TOPIC: offset})
        assert onlooker.landed("canonical/dust-reading", [TOPIC]) == [offset]
        held += [lake._writing["canonical/dust-reading"].table, onlooker._watched["canonical/dust-reading"].table]
    assert len({id(table) for table in held[::2]}) == len({id(table) for table in held[1::2]}) == 4
    assert lake.read("dust-reading").collect().height == 10


def test_a_table_of_an_earlier_release_gets_a_short_log(lake: Lake) -> None:
    """Each commit looks through the log: a month of one every five seconds would take longer than the five seconds."""
    uri = lake.table_uri("canonical/dust-reading")
    DeltaTable.create(uri, readings().with_columns(day=pl.lit("")).to_arrow().schema, partition_by=["province", "day"])
    lake.append_canonical("dust-reading", readings(datetime(2026, 3, 2, tzinfo=UTC)), {TOPIC: 1})
    assert DeltaTable(uri).metadata().configuration == SHORT_LOG
    version = DeltaTable(uri).version()
    assert Lake(lake.table_uri("")).transaction_version("canonical/dust-reading", TOPIC) == 1
    assert DeltaTable(uri).version() == version


def test_changes_are_known_when_the_log_has_been_cleaned(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the files tell by their age; without a time to compare with, every partition may have changed."""
    monkeypatch.setattr("store.lake.CLOCKS", timedelta(0))
    table = "canonical/dust-reading"

    def land(*days: int) -> None:
        for day in days:
            lake.append_canonical("dust-reading", readings(datetime(2026, 3, day, tzinfo=UTC)), {TOPIC: day})

    land(2, 3)
    _, seen = lake.changed_partitions(table, -1)
    sleep(0.01)
    looked_at = datetime.now(UTC)
    land(4, 5)
    clean(lake, table)
    every = {("jiangsu", f"2026-03-0{day}") for day in (2, 3, 4, 5)}
    younger = {("jiangsu", f"2026-03-0{day}") for day in (4, 5)}
    assert lake.changed_partitions(table, seen, looked_at)[0] == younger
    assert lake.changed_partitions(table, seen)[0] == lake.changed_partitions(table, -1, looked_at)[0] == every


def test_files_of_a_killed_writer_are_deleted(lake: Lake) -> None:
    """A file that no version names, as it is left by whoever dies before the commit: it may hold personal data."""
    lake.append_canonical("dust-reading", readings(datetime(2026, 3, 2, tzinfo=UTC)), {TOPIC: 1})
    (whole,) = Path(lake.table_uri("canonical/dust-reading")).glob("*/*/*.parquet")
    left = whole.with_name("part-00000-00000000-0000-0000-0000-000000000000-c000.snappy.parquet")
    left.write_bytes(whole.read_bytes())
    lake.vacuum("canonical/dust-reading")
    assert left.exists()
    lake.vacuum("canonical/dust-reading", retention_hours=0)
    assert not left.exists()
    assert lake.read("dust-reading").collect().height == 1


def test_compaction_disturbs_neither_a_writer_nor_the_list_of_changes(lake: Lake) -> None:
    """Joining files keeps every row and offset, lets a running writer go on, and asks for no new computation."""
    times = [datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in range(4)]
    for offset, time in enumerate(times[:3]):
        lake.append_canonical("dust-reading", readings(time), {TOPIC: offset + 1})
    changed, version = lake.changed_partitions("canonical/dust-reading", -1)
    assert changed == {("jiangsu", "2026-03-02")}

    lake.compact("canonical/dust-reading")
    lake.vacuum("canonical/dust-reading", retention_hours=0)
    assert len(DeltaTable(lake.table_uri("canonical/dust-reading")).file_uris()) == 1
    changed, version = lake.changed_partitions("canonical/dust-reading", version)
    assert changed == set()

    lake.append_canonical("dust-reading", readings(times[3]), {TOPIC: 4})
    assert lake.changed_partitions("canonical/dust-reading", version)[0] == {("jiangsu", "2026-03-02")}
    assert lake.read("dust-reading").collect()["observed_at"].sort().to_list() == times
    assert lake.transaction_version("canonical/dust-reading", TOPIC) == 4


def test_a_day_in_the_order_of_devices_is_the_same_day(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are joined one device after the other; rows, offsets, changes and other days stay as they are."""
    monkeypatch.setattr("store.lake.ORDERED_ROWS", 2)
    noon = datetime(2026, 3, 2, 4, tzinfo=UTC)
    lake.order_by_device("dust-reading", "jiangsu", "2026-03-02")
    assert not lake.is_by_device("dust-reading", "jiangsu", "2026-03-02")
    for number, code in enumerate("BCAD"):
        rows = readings(noon, noon + timedelta(days=1), first_offset=2 * number)
        lake.append_canonical("dust-reading", rows.with_columns(device_code=pl.lit(code)), {TOPIC: 2 * number + 2})
    assert not lake.is_by_device("dust-reading", "jiangsu", "2026-03-02")
    before, version = lake.read("dust-reading").collect(), lake.changed_partitions("canonical/dust-reading", -1)[1]

    lake.order_by_device("dust-reading", "jiangsu", "2026-03-02")
    assert lake.is_by_device("dust-reading", "jiangsu", "2026-03-02")
    assert not lake.is_by_device("dust-reading", "jiangsu", "2026-03-03")
    assert lake.read("dust-reading", "jiangsu", "2026-03-02").collect()["device_code"].to_list() == list("ABCD")
    assert len(DeltaTable(lake.table_uri("canonical/dust-reading")).file_uris()) == 5
    assert lake.read("dust-reading").collect().sort("source_offset").equals(before.sort("source_offset"))
    assert lake.changed_partitions("canonical/dust-reading", version)[0] == set()
    assert lake.transaction_version("canonical/dust-reading", TOPIC) == 8


def test_changes_name_each_partition_once_since_a_version(lake: Lake) -> None:
    """Late data of an older day is named beside today's; what was seen before is not."""
    assert lake.changed_partitions("canonical/dust-reading", -1) == (set(), -1)
    lake.append_canonical("dust-reading", readings(datetime(2026, 3, 4, tzinfo=UTC)), {TOPIC: 1})
    _, seen = lake.changed_partitions("canonical/dust-reading", -1)
    late = readings(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))
    lake.append_canonical("dust-reading", late, {TOPIC: 3})
    lake.append_canonical("dust-reading", readings(datetime(2026, 3, 4, tzinfo=UTC), province="shanxi"), {TOPIC: 4})
    changed, newest = lake.changed_partitions("canonical/dust-reading", seen)
    assert changed == {("jiangsu", "2026-02-01"), ("jiangsu", "2026-03-04"), ("shanxi", "2026-03-04")}
    assert lake.changed_partitions("canonical/dust-reading", newest) == (set(), newest)


def test_rejected_uploads_keep_their_bytes(lake: Lake) -> None:
    """Key and value of a rejected upload come back byte for byte, on the local day of its receipt."""
    received = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    row = {"reason": "unframed", "province": "guizhou", "received_at": received, "value": b"\x00\xff{", "key": None}
    lake.append_quarantine(pl.DataFrame([row], schema=QUARANTINE_SCHEMA), {"quarantine.guizhou/0": 1})
    found = lake.read_quarantine("guizhou", "2026-03-03").collect()
    assert found["value"].to_list() == [b"\x00\xff{"]
    assert found["key"].to_list() == [None]
    assert found["received_at"].to_list() == [received]


def test_old_rejected_uploads_lose_their_bytes_and_no_more(lake: Lake) -> None:
    """Reason and place stay, for figures; nothing is asked to be computed again; a running writer goes on."""
    app, table = "quarantine.guizhou/0", "quarantine"
    assert lake.forget_rejected("2026-03-04") == 0
    rows = [
        {
            "reason": "unframed",
            "province": "guizhou",
            "received_at": datetime(2026, 3, day, tzinfo=UTC),
            "value": b"330106",
        }
        for day in (2, 3, 4)
    ]
    for offset, row in enumerate(rows[:2]):
        lake.append_quarantine(pl.DataFrame([row], schema=QUARANTINE_SCHEMA), {app: offset + 1})
    _, version = lake.changed_partitions(table, -1)

    assert [lake.forget_rejected("2026-03-03") for _ in range(2)] == [1, 0]
    assert lake.changed_partitions(table, version)[0] == set()
    lake.append_quarantine(pl.DataFrame([rows[2]], schema=QUARANTINE_SCHEMA), {app: 3})
    found = lake.read_quarantine().sort("received_at").collect()
    assert found["value"].to_list() == [None, b"330106", b"330106"]
    assert found["reason"].to_list() == ["unframed"] * 3
    assert lake.transaction_version(table, app) == 3
    lake.vacuum(table, retention_hours=0)
    assert len(list(Path(lake.table_uri(table)).glob("province=*/day=2026-03-02/*.parquet"))) == 1


def test_a_gold_partition_is_replaced_whole(lake: Lake) -> None:
    """Writing a partition again, also with nothing, leaves the other partitions as they were."""

    def hours(province: str, day: str, *values: float) -> pl.DataFrame:
        rows = [{"province": province, "day": day, "pm10": value} for value in values]
        return pl.DataFrame(rows, schema={"province": pl.String, "day": pl.String, "pm10": pl.Float64})

    with pytest.raises(FileNotFoundError, match="materialise"):
        lake.read_gold("dust_hourly")
    lake.overwrite_partition("dust_hourly", "jiangsu", "2026-03-02", hours("jiangsu", "2026-03-02", 1.0, 2.0))
    lake.overwrite_partition("dust_hourly", "jiangsu", "2026-03-03", hours("jiangsu", "2026-03-03", 3.0))
    lake.overwrite_partition("dust_hourly", "jiangsu", "2026-03-02", hours("jiangsu", "2026-03-02", 4.0))
    assert lake.read_gold("dust_hourly").collect()["pm10"].sort().to_list() == [3.0, 4.0]
    lake.overwrite_partition("dust_hourly", "jiangsu", "2026-03-02", hours("jiangsu", "2026-03-02"))
    assert lake.read_gold("dust_hourly").collect()["pm10"].to_list() == [3.0]
    with pytest.raises(ValueError, match="1 rows do not belong"):
        lake.overwrite_partition("dust_hourly", "jiangsu", "2026-03-02", hours("jiangsu", "2026-03-03", 1.0))


def test_an_empty_lake_reads_as_no_rows(lake: Lake) -> None:
    """Before the first landing a reader gets the right columns and no rows."""
    assert lake.read("device", "jiangsu", "2026-03-02").collect().height == 0
    assert "device_name" in lake.read("device").collect_schema().names()
    assert lake.read_quarantine().collect().height == 0


def test_arrays_land_as_they_are(tmp_path: Path) -> None:
    """Texts and records in arrays come back, their times to the millisecond and with their zone."""
    worker = read_canonical(DEFAULT_CATALOG / "canonical" / "worker.avsc")
    valid = datetime(2026, 2, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    certificate = dict.fromkeys(item.name for item in worker.by_name["certificates"].items) | {"valid_to": valid}
    usual = dict.fromkeys(worker.by_name) | {"province": "jiangsu", "observed_at": valid}
    rows = [{**usual, "certificates": found} for found in ([certificate], [], None)]
    frame = pl.DataFrame(rows, schema=worker.polars_schema)
    lake = Lake(str(tmp_path / "lake"))
    lake.append_canonical("worker", frame, {"canonical.worker/0": 3})
    assert lake.read("worker").collect().select(frame.columns).equals(frame)
