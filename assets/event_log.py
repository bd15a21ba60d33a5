"""The run's event log kept open (事件日志): Dagster opens and closes a database for every statement.

A partition's run has about 280 of them, and each makes an engine, opens a file, and as its last user writes the file's
log back when it closes: a third of the CPU time of a small partition. Statements and transactions stay Dagster's own.
Checked against Dagster 1.13.27, of which `_connect` is replaced; tests/assets/test_event_log.py tells when it no longer
fits.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

AT_ONCE = 2
"""Databases kept open: the index of all runs, and the run under way."""


@contextmanager
def kept_open(instance: DagsterInstance) -> Iterator[None]:
    """Within the block the instance's event log stays open, if it is SQLite's."""
    log = instance.event_log_storage
    if not isinstance(log, SqliteEventLogStorage):
        yield
        return
    engines: dict[str, Engine] = {}

    @contextmanager
    def connect(shard: str) -> Iterator[Connection]:
        with log._db_lock:  # Dagster's own: one thread at a time
            if shard not in engines:
                _make_room(engines)
                engines[shard] = _engine(log, shard)
            with engines[shard].begin() as connection:
                yield connection

    stock = log._connect
    log._connect = connect  # type: ignore[method-assign]  # what the module is for
    try:
        yield
    finally:
        log._connect = stock  # type: ignore[method-assign]
        for engine in engines.values():
            engine.dispose()


def _engine(log: SqliteEventLogStorage, shard: str) -> Engine:
    """An engine of one connection, whose database has its tables."""
    engine = create_engine(
        log.conn_string_for_shard(shard),
        poolclass=StaticPool,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    log._initdb(engine, for_index_shard=shard == INDEX_SHARD_NAME)
    return engine


def _make_room(engines: dict[str, Engine]) -> None:
    """Closes the runs before."""
    for shard in [shard for shard in engines if shard != INDEX_SHARD_NAME][: len(engines) + 1 - AT_ONCE]:
        engines.pop(shard).dispose()
