"""Jobs and the times they run at (作业与定时)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import dagster as dg

from assets.dust import tables
from assets.figures import POOL
from assets.hub import Hub
from assets.partitions import FEEDS, FeedDay, in_order
from assets.readings import canonical_readings
from assets.report import dust_report
from pipelines.dust.readings import ZONE
from sitehub.settings import settings

LOCAL = ZONE.key
OTHER_TABLES = ("quarantine", "gold/dust_hourly")

figures = [canonical_readings, *tables, dust_report]


def yesterday(now: datetime) -> date:
    """The local day before `now` (zoned)."""
    return now.astimezone(ZONE).date() - timedelta(days=1)


@dg.asset_check(asset="dust_daily", description="Yesterday is computed for every feed. 昨日各省数据均已计算。")
def yesterday_is_computed(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Freshness by partition: the time of the last materialisation would be renewed by any repaired day of the past."""
    day = yesterday(datetime.now(ZONE))
    done = context.instance.get_materialized_partitions(dg.AssetKey("dust_daily"))
    missing = [feed for feed in FEEDS if FeedDay(day, feed).key not in done]
    return dg.AssetCheckResult(
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{day}: not computed for {', '.join(missing)}" if missing else f"{day}: all feeds are computed",
        metadata={"feeds computed / feeds": f"{len(FEEDS) - len(missing)} / {len(FEEDS)}"},
    )


_FRESHNESS = dg.AssetSelection.checks(yesterday_is_computed)

dust_day = dg.define_asset_job(
    "dust_day",
    selection=dg.AssetSelection.assets(*figures) - _FRESHNESS,
    description="All figures and the report of one day and province. 某省某日的全部指标与日报。",
)
freshness = dg.define_asset_job(
    "freshness", selection=_FRESHNESS, description="Is yesterday computed for every feed? 昨日是否已算完。"
)


@dg.op(pool=POOL)
def join_small_files(context: dg.OpExecutionContext, hub: Hub) -> None:
    """Joins the small files of every table of the lake (合并小文件)."""
    for table in (*hub.lake.canonical_tables(), *OTHER_TABLES):
        hub.lake.compact(table)
    context.log.info("small files are joined")


@dg.op(pool=POOL, ins={"after": dg.In(dg.Nothing)})
def delete_old_files(context: dg.OpExecutionContext, hub: Hub) -> None:
    """Takes the bytes of old rejected uploads, then deletes files that no table needs any more (清理旧文件)."""
    kept = timedelta(days=settings().quarantine_retention_days)
    forgotten = hub.lake.forget_rejected((datetime.now(ZONE) - kept).date().isoformat())
    context.log.info("%s rejected uploads lost their bytes", forgotten)
    for table in (*hub.lake.canonical_tables(), *OTHER_TABLES):
        hub.lake.vacuum(table)
        context.log.info("%s: vacuumed", table)


@dg.job(
    description="Joins the small files that landing writes every few seconds. 合并湖中小文件。",
    tags={"dagster/priority": "2"},  # before a long queue of days
)
def lake_join() -> None:
    """Hourly: each commit looks through all the files of its table."""
    join_small_files()


@dg.job(description="Joins the lake's small files and deletes those needed no more for a week. 湖表整理。")
def lake_upkeep() -> None:
    """Weekly, and by hand at any time."""
    delete_old_files(join_small_files())


@dg.op(pool=POOL, config_schema={"day": str})
def order_by_device(context: dg.OpExecutionContext, hub: Hub) -> None:
    """Rewrites a day's readings of each feed, one device after the other (按设备归并当日小文件)."""
    day = context.op_config["day"]
    for at in (FeedDay(date.fromisoformat(day), feed) for feed in FEEDS):
        hub.lake.order_by_device(at.kind, at.province, at.iso)
        context.log.info("%s: in the order of devices", at.key)


@dg.job(description="Joins a day's small files, one device after the other, so that it is read fast. 前一日湖表归并。")
def order_day() -> None:
    """Nightly, before the day is computed."""
    order_by_device()


@dg.schedule(
    job=order_day,
    cron_schedule="30 1 * * *",
    execution_timezone=LOCAL,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Yesterday's readings of every feed, before they are computed. 每日 01:30。",
)
def order_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run for the day before."""
    day = yesterday(context.scheduled_execution_time).isoformat()
    return dg.RunRequest(run_key=f"{day}@order", run_config={"ops": {"order_by_device": {"config": {"day": day}}}})


@dg.schedule(
    job=dust_day,
    cron_schedule="30 2 * * *",
    execution_timezone=LOCAL,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Yesterday, every feed: also those that sent nothing, because a rate of 0 is a figure. 每日 02:30。",
)
def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    """One run a feed, the control stations first."""
    day = yesterday(context.scheduled_execution_time)
    for at in in_order(FeedDay(day, feed) for feed in FEEDS):
        priority = {"dagster/priority": "1"} if at.is_reference else {}
        yield dg.RunRequest(run_key=f"{at.key}@nightly", partition_key=at.key, tags=priority)


upkeep_weekly = dg.ScheduleDefinition(
    job=lake_upkeep,
    cron_schedule="0 4 * * 0",
    execution_timezone=LOCAL,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
join_hourly = dg.ScheduleDefinition(
    job=lake_join,
    cron_schedule="45 * * * *",
    execution_timezone=LOCAL,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
freshness_daily = dg.ScheduleDefinition(
    job=freshness,
    cron_schedule="0 6 * * *",
    execution_timezone=LOCAL,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
schedules = [order_nightly, nightly, join_hourly, upkeep_weekly, freshness_daily]
