"""States of devices as records of the hub's own topic (在线状态事件), hub.device-state: the days put together.

A day alone takes a device as silent from midnight on. Here the last reading of the evening covers what it covers of the
morning, and a state that goes on over midnight is one record: as if all days had been looked at as one.
"""

import polars as pl

from pipelines.contract import CanonicalKind
from pipelines.dust.findings import records
from pipelines.dust.rates import ONLINE_INTERVALS

DEVICE = ("province", "device_code")
RECORD = {"began": "observed_at", "interval_s": "expected_interval_s"}


def state_events(table: pl.DataFrame, kind: CanonicalKind) -> pl.DataFrame:
    """Rows of the gold table `device_states` as records of `kind`, sorted by event_id.

    Each says what the row said in which its state began. It has no end while it holds. Where days between are not
    computed, a state ends with the last day that is: what came then is not known.
    """
    return records(_merged(_covered(table.sort(*DEVICE, "began"))).rename(RECORD), kind)


def _covered(rows: pl.DataFrame) -> pl.DataFrame:
    """Without the silence of a morning that the last reading before it covers: the device was online then.

    Rows in the order of devices and times; with `last`, the last reading up to the end of the row.
    """
    online = pl.col("state") == "online"
    reach = pl.col("last_reading_at") + pl.duration(seconds=pl.col("interval_s") * ONLINE_INTERVALS)
    known = rows.with_columns(
        last=pl.when(online).then("last_reading_at").forward_fill().over(DEVICE),
        reach=pl.when(online).then(reach).forward_fill().over(DEVICE),
    )
    within = (pl.col("state") == "offline") & (pl.col("reach") > pl.col("began"))
    through = pl.col("reach") >= pl.col("ended")
    split = known.filter(within)
    return pl.concat(
        [
            known.filter(~within.fill_null(False)),
            split.with_columns(
                state=pl.lit("online"),
                ended=pl.min_horizontal("ended", "reach"),
                holds=pl.col("holds") & through,
            ),
            split.filter(~through).with_columns(began="reach"),
        ]
    ).sort(*DEVICE, "began")


def _merged(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a state: those of which one begins as the other ends become one."""
    goes_on = (pl.col("began") == pl.col("ended").shift(1)) & (pl.col("state") == pl.col("state").shift(1))
    ours = ("project_code", "device_kind", "interval_s", "code_version", "state", "began")
    return (
        rows.with_columns(
            before=pl.col("last").shift(1).over(DEVICE),
            run=(~goes_on.over(DEVICE).fill_null(False)).cum_sum().over(DEVICE),
            newest=pl.int_range(pl.len()).over(DEVICE) == pl.len().over(DEVICE) - 1,
        )
        .group_by(*DEVICE, "run", maintain_order=True)
        .agg(
            pl.col(ours).first(),
            last_reading_at=pl.col("before").first(),
            ended_at=pl.when(~(pl.col("holds") & pl.col("newest"))).then("ended").last(),
        )
    )
