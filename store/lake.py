"""The lake (湖): Delta tables of canonical records, rejected uploads and hourly means.

Exactly once: who appends names the transactions that the rows complete (`app_id = "<topic>/<partition>"`, version =
next offset to read), and Delta commits rows and versions together. A writer asks `transaction_version` first, begins to
read there, and appends through the same snapshot: if another writer has meanwhile moved one of these versions, Delta
refuses the commit. So nothing is landed twice, whoever dies or is started twice.

Every append and overwrite notes in its commit which partitions (province, local day) it changed: readers of the log
see what to compute again, and compaction, which changes files but no data, asks for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError

from pipelines.contract import TIMESTAMP, read_canonical
from pipelines.dust.readings import ZONE
from store.open_table import OpenTable

QUARANTINE: Final = "quarantine"
PARTITION: Final = ("province", "day")
BYTES: Final = ("key", "value")
CHANGED: Final = "sitehub.partitions"
ORDERED_ROWS: Final = 1_000_000
"""Smaller files do not tell in which order the lake is: landing writes smaller ones."""
SORTED_AT_ONCE: Final = 1 << 30
"""Bytes that are sorted in memory; what is more is sorted on disk."""
ORDERED_FILES: Final = WriterProperties(compression="ZSTD", compression_level=4, max_row_group_size=1 << 17)
"""Of a day in the order of devices a reader takes some devices: a group of rows that holds others is read in vain."""
SHORT_LOG: Final = {
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 2 hours",
}
"""Properties of a table that is appended to every few seconds: each commit looks through what its log still has."""
CLOCKS: Final = timedelta(hours=1)
"""How far a writer's clock may be from that of who looks for changes."""
DEFAULT_CATALOG: Final = Path(__file__).resolve().parents[1] / "avro_schemas"

QUARANTINE_SCHEMA: Final = pl.Schema(
    {
        "reason": pl.String(),
        "field": pl.String(),
        "detail": pl.String(),
        "province": pl.String(),
        "kind": pl.String(),
        "vendor": pl.String(),
        "source_topic": pl.String(),
        "source_partition": pl.Int32(),
        "source_offset": pl.Int64(),
        "received_at": TIMESTAMP,
        "schema_id": pl.Int64(),  # four bytes of whoever wrote them: unsigned
        "mapping": pl.String(),
        "key": pl.Binary(),
        "value": pl.Binary(),
    }
)


def canonical_table(kind: str) -> str:
    """Name of the table with the canonical records of a kind."""
    return f"canonical/{kind}"


class OvertakenError(Exception):
    """Another landing has landed what this one was about to: nothing of this append stands, and none will."""


class Lake:
    """The Delta tables under one root: a folder, or an object store's URL (credentials from the environment)."""

    def __init__(self, url: str, catalog_dir: Path = DEFAULT_CATALOG) -> None:
        """`catalog_dir` holds canonical/<kind>.avsc, the tables' columns."""
        self._url = url.rstrip("/")
        self._catalog_dir = catalog_dir
        self._writing: dict[str, OpenTable] = {}
        self._watched: dict[str, OpenTable] = {}

    def table_uri(self, table: str) -> str:
        """Where a table lies: 'canonical/<kind>', 'quarantine' or 'gold/<name>'."""
        return f"{self._url}/{table}"

    def canonical_tables(self) -> list[str]:
        """Names of the tables of all canonical kinds, also of those that nothing has landed in."""
        return [canonical_table(file.stem) for file in sorted((self._catalog_dir / "canonical").glob("*.avsc"))]

    def exists(self, table: str) -> bool:
        """Whether the table has been created."""
        return DeltaTable.is_deltatable(self.table_uri(table))

    def transaction_version(self, table: str, app_id: str) -> int | None:
        """Next offset to read of '<topic>/<partition>', as committed with the rows; None when nothing has landed."""
        writer = self._writer(table)
        if app_id not in writer.stands:
            writer.stands[app_id] = writer.table.transaction_version(app_id)
        return writer.stands[app_id]

    def landed(self, table: str, app_ids: Sequence[str]) -> list[int | None]:
        """The transaction versions as the newest commit has them, for an onlooker, in a thread of its own; it creates
        nothing, and no writer uses its snapshot."""
        if table in self._watched:
            self._watched[table].advance()  # a tenth of what opening it anew costs
        elif self.exists(table):
            self._watched[table] = OpenTable(DeltaTable(self.table_uri(table)))
        else:
            return [None] * len(app_ids)
        return [self._watched[table].table.transaction_version(app_id) for app_id in app_ids]

    def append_canonical(self, kind: str, frame: pl.DataFrame, txns: Mapping[str, int]) -> None:
        """Append canonical rows (partitioned by the local day of observed_at) and complete `txns`, in one commit.

        Raises deltalake's DeltaError when another writer has moved one of the transactions.
        """
        self._append(canonical_table(kind), self._with_day(frame, "observed_at"), txns)

    def append_quarantine(self, frame: pl.DataFrame, txns: Mapping[str, int]) -> None:
        """Append rejected uploads (columns of QUARANTINE_SCHEMA, local day of receipt), as `append_canonical` does."""
        self._append(QUARANTINE, self._with_day(frame, "received_at"), txns)

    def read(self, kind: str, province: str | None = None, day: str | None = None) -> pl.LazyFrame:
        """Canonical rows of a kind, of one province and local day ('YYYY-MM-DD') where given; at first none."""
        return self._scan(canonical_table(kind), province, day)

    def read_quarantine(self, province: str | None = None, day: str | None = None) -> pl.LazyFrame:
        """Rejected uploads of one province and local day of receipt where given; empty before the first."""
        return self._scan(QUARANTINE, province, day)

    def read_gold(self, table: str, province: str | None = None, day: str | None = None) -> pl.LazyFrame:
        """Rows of gold/<table>. FileNotFoundError before it was first written."""
        return self._scan(f"gold/{table}", province, day)

    def overwrite_partition(self, table: str, province: str, day: str, frame: pl.DataFrame) -> None:
        """Replace the rows of gold/<table> of one province and local day by `frame`, which may be empty.

        ValueError if a row belongs to another partition.
        """
        strangers = frame.filter((pl.col("province") != province) | (pl.col("day") != day))
        if not strangers.is_empty():
            raise ValueError(f"{table}: {strangers.height} rows do not belong to {province} {day}; replace them there")
        partition = f"province = {_quoted(province)} AND day = {_quoted(day)}"
        write_deltalake(
            self.table_uri(f"gold/{table}"),
            frame,
            mode="overwrite",
            schema_mode="merge",
            partition_by=list(PARTITION),
            predicate=partition if self.exists(f"gold/{table}") else None,
            commit_properties=CommitProperties(custom_metadata=_note([(province, day)])),
        )

    def identity(self, table: str) -> str | None:
        """Changes when the table is made anew, and its versions begin again at 0; None before the first."""
        return str(DeltaTable(self.table_uri(table)).metadata().id) if self.exists(table) else None

    def changed_partitions(
        self, table: str, since_version: int, looked_at: datetime | None = None
    ) -> tuple[set[tuple[str, str]], int]:
        """Partitions (province, day) changed after a version of the table's log, and the newest version.

        -1 asks for all. Where the log was cleaned beyond `since_version`, those are named of which a file is younger
        than `looked_at`, when that version was the newest: all that changed, and what was merely joined. Without it
        all are. A table not yet created has changed nothing and is at -1.
        """
        if not self.exists(table):
            return set(), -1
        opened = DeltaTable(self.table_uri(table))
        newest = opened.version()
        if newest <= since_version:
            return set(), newest
        commits = opened.history(newest - since_version)
        if len(commits) < newest - since_version:
            began = datetime.min.replace(tzinfo=UTC) if since_version < 0 or looked_at is None else looked_at - CLOCKS
            return _written_since(opened, began), newest
        noted = (json.loads(commit[CHANGED]) for commit in commits if CHANGED in commit)
        return {(province, day) for partitions in noted for province, day in partitions}, newest

    def partitions(self, table: str) -> set[tuple[str, str]]:
        """Every partition (province, day) that has rows."""
        if not self.exists(table):
            return set()
        return {(entry["province"], entry["day"]) for entry in DeltaTable(self.table_uri(table)).partitions()}

    def is_by_device(self, kind: str, province: str, day: str) -> bool:
        """Whether most readings of a day lie in files of one device after the other, as `order_by_device` leaves them.

        A file of that order that is not the only one holds other devices than the rest; a landed file holds all.
        """
        table = canonical_table(kind)
        if not self.exists(table):
            return False
        opened = DeltaTable(self.table_uri(table))
        files = pl.DataFrame(opened.get_add_actions(flatten=True)).filter(
            pl.col("partition.province") == province, pl.col("partition.day") == day
        )
        large = files.filter(pl.col("num_records") >= ORDERED_ROWS).sort("min.device_code")
        apart = (large["min.device_code"] >= large["max.device_code"].shift(1)).fill_null(True)
        return bool(apart.all()) and 2 * int(large["num_records"].sum()) > int(files["num_records"].sum())

    def order_by_device(self, kind: str, province: str, day: str) -> None:
        """Rewrite the files of a day as few large ones of one device after the other; readers and appends go on.

        Such a day is read by devices, is a third smaller, and its readings need no sorting.
        """
        if self.exists(canonical_table(kind)):
            partition = [("province", "=", province), ("day", "=", day)]
            opened = DeltaTable(self.table_uri(canonical_table(kind)))
            opened.optimize.z_order(
                ["device_code"],
                partition_filters=partition,
                max_spill_size=SORTED_AT_ONCE,
                writer_properties=ORDERED_FILES,
            )

    def forget_rejected(self, before: str) -> int:
        """Take key and value from the rejected uploads received before a local day; how many had any.

        What is counted of them stays. The bytes are gone from the disk when `vacuum` has deleted the old files.
        """
        if not self.exists(QUARANTINE):
            return 0
        old = f"day < {_quoted(before)} AND (key IS NOT NULL OR value IS NOT NULL)"
        done = DeltaTable(self.table_uri(QUARANTINE)).update(updates=dict.fromkeys(BYTES, "NULL"), predicate=old)
        return int(done["num_updated_rows"])

    def compact(self, table: str) -> None:
        """Join the small files of each partition (合并小文件); readers and appends go on meanwhile."""
        if self.exists(table):
            DeltaTable(self.table_uri(table)).optimize.compact()

    def vacuum(self, table: str, retention_hours: int = 168) -> None:
        """Delete the files that the table needs no more and that are older than `retention_hours`, those that a killed
        writer left and that no version ever named included."""
        if self.exists(table):
            DeltaTable(self.table_uri(table)).vacuum(
                retention_hours, dry_run=False, enforce_retention_duration=False, full=True
            )

    def _writer(self, table: str) -> OpenTable:
        if table not in self._writing:
            empty = pl.DataFrame(schema=self._schema(table))
            opened = DeltaTable.create(
                self.table_uri(table),
                empty.to_arrow().schema,
                mode="ignore",
                partition_by=list(PARTITION),
                configuration=SHORT_LOG,
            )
            if not SHORT_LOG.items() <= opened.metadata().configuration.items():  # made by an earlier release
                opened.alter.set_table_properties(SHORT_LOG)
            self._writing[table] = OpenTable(opened)
        return self._writing[table]

    def _append(self, table: str, frame: pl.DataFrame, txns: Mapping[str, int]) -> None:
        writer = self._writer(table)
        stood = {app_id: self.transaction_version(table, app_id) for app_id in txns}
        try:
            _commit(writer.table, frame, txns)
        except DeltaError as error:
            # Who deletes or changes older rows beside us takes nothing of ours, nor does who cleaned the log since our
            # last commit, long ago; another landing moves our transactions.
            writer.advance()
            stands = {app_id: writer.table.transaction_version(app_id) for app_id in txns}
            if moved := [app_id for app_id in txns if stands[app_id] != stood[app_id]]:
                told = ", ".join(f"{app_id} to {stands[app_id]}, not from {stood[app_id]}" for app_id in moved)
                raise OvertakenError(f"another landing has brought {told}") from error
            _commit(writer.table, frame, txns)
        writer.stands |= txns
        writer.renew()

    def _scan(self, table: str, province: str | None, day: str | None) -> pl.LazyFrame:
        if not self.exists(table):
            if table.startswith("gold/"):
                raise FileNotFoundError(f"the lake has no table {table} yet; materialise it first")
            return pl.LazyFrame(schema=self._schema(table))
        rows = pl.scan_delta(self.table_uri(table))
        for column, wanted in zip(PARTITION, (province, day), strict=True):
            if wanted is not None:
                rows = rows.filter(pl.col(column) == wanted)
        # Delta knows microseconds only, within the records of an array too.
        arrays = {} if table.startswith("gold/") else self._schema(table)
        return rows.with_columns(
            pl.selectors.datetime().cast(TIMESTAMP),
            *(
                pl.selectors.by_name(name, require_all=False).cast(dtype)
                for name, dtype in arrays.items()
                if isinstance(dtype, pl.List)
            ),
        )

    def _schema(self, table: str) -> pl.Schema:
        if table == QUARANTINE:
            columns = QUARANTINE_SCHEMA
        else:
            columns = read_canonical(self._catalog_dir / f"{table}.avsc").polars_schema
        return pl.Schema({**columns, "day": pl.String()})

    def _with_day(self, frame: pl.DataFrame, time: str) -> pl.DataFrame:
        local = pl.col(time).dt.convert_time_zone(ZONE.key)
        return frame.with_columns(day=local.dt.strftime("%Y-%m-%d"))


def _commit(writer: DeltaTable, frame: pl.DataFrame, txns: Mapping[str, int]) -> None:
    changed = sorted(frame.select(PARTITION).unique().rows())
    write_deltalake(
        writer,
        frame,
        mode="append",
        schema_mode="merge",  # a field added to the contract becomes a column, null in older rows
        commit_properties=CommitProperties(
            custom_metadata=_note(changed),
            app_transactions=[Transaction(app_id, version) for app_id, version in sorted(txns.items())],
        ),
    )


def _written_since(table: DeltaTable, began: datetime) -> set[tuple[str, str]]:
    files = pl.DataFrame(table.get_add_actions(flatten=True))
    written = pl.col("modification_time").cast(pl.Datetime("ms", "UTC"))
    return set(files.filter(written >= began).select("partition.province", "partition.day").rows())


def _note(partitions: list[tuple[str, str]]) -> dict[str, str]:
    return {CHANGED: json.dumps(partitions)}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
