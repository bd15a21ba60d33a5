"""What an upload leaves out and the device register knows (补齐): the project and the place of its device.

Both stand in columns of their own, beside what the upload said (decision 0034). They tell what was known when the rows
were landed; `filled` with the histories of today tells what is known today.
"""

from __future__ import annotations

from typing import Final

import polars as pl
import sqlalchemy as sa

from store.registers import by_subjects
from store.tables import HISTORIES, frame_schema

FILLED: Final = {"project_code": "project_code_filled", "adcode": "adcode_filled"}
"""What is filled → the column that holds it: as the upload said it, else as the device register does."""
DEVICE: Final = ("province", "device_code")


def with_filled(made: sa.Engine, frame: pl.DataFrame) -> pl.DataFrame:
    """Canonical rows `filled` from the device register as it is known now."""
    lacking = frame.filter(pl.col("device_code").is_not_null(), pl.any_horizontal(pl.col(*FILLED).is_null()))
    return filled(frame, _states(made, lacking))


def filled(frame: pl.DataFrame, devices: pl.DataFrame) -> pl.DataFrame:
    """Canonical rows with the columns of FILLED; null where neither the upload nor the register tells.

    `devices`: states of the device register (`store.gold.read_history`). The one in force at the observation tells; a
    device was not registered before its first state.
    """
    states = devices.select(*DEVICE, *FILLED, observed_at="valid_from").sort("observed_at")
    registered = (
        frame.select(*DEVICE, "observed_at")
        .with_row_index("row")
        .sort("observed_at")
        .join_asof(states, on="observed_at", by=DEVICE, check_sortedness=False)
        .sort("row")
    )
    return frame.with_columns(
        pl.coalesce(frame[name], registered[name]).alias(column) for name, column in FILLED.items()
    )


def _states(made: sa.Engine, rows: pl.DataFrame) -> pl.DataFrame:
    """What the register knows of the devices of these rows."""
    table = HISTORIES["device"]
    wanted = (*DEVICE, *FILLED, "valid_from")
    query = sa.select(*[table.c[name] for name in wanted])
    with made.connect() as connection:
        states = [
            tuple(state)
            for chosen, _ in by_subjects(table, rows.select(DEVICE).unique(maintain_order=True))
            for state in connection.execute(query.where(chosen))
        ]
    return pl.DataFrame(states, schema={name: frame_schema(table)[name] for name in wanted}, orient="row")
