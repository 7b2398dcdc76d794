"""When things run, and who is told when they fail."""

import os
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from ingestion.errors import SettingError
from orchestration import alerts, status

TIME_VARIABLE = "PRODUCTOPS_NIGHTLY_AT"
ZONE_VARIABLE = "PRODUCTOPS_TIMEZONE"
KEEP_RUNS_VARIABLE = "PRODUCTOPS_KEEP_RUNS_DAYS"


@dg.failure_hook
def tell_of_failure(context: dg.HookContext) -> None:
    """Tell of the step that failed; what depends on it is skipped and stays quiet."""
    error = context.op_exception
    alerts.begun(
        f"job:{context.job_name}",
        f"{context.job_name} failed at {context.op.name}; readers keep the last publication",
        str(error).strip() or type(error).__name__,
    )
    if context.job_name == "nightly":
        status.night_ended("failed")


nightly_job = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    hooks={tell_of_failure},
    executor_def=dg.in_process_executor,
    description="Load every vendor, build, check and publish.",
)


def cron_schedule() -> str:
    """Return the cron line for PRODUCTOPS_NIGHTLY_AT, HH:MM, default 02:30.

    Raises:
        SettingError: the setting is not a time of day.
    """
    time = os.environ.get(TIME_VARIABLE, "02:30")
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time):
        raise SettingError(f"{TIME_VARIABLE} is {time!r}; expected a time of day such as 02:30.")
    hour, minute = time.split(":")
    return f"{int(minute)} {int(hour)} * * *"


def time_zone() -> str:
    """Return PRODUCTOPS_TIMEZONE, the name of a time zone, default UTC.

    Raises:
        SettingError: there is no such zone.
    """
    name = os.environ.get(ZONE_VARIABLE, "UTC")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise SettingError(
            f"{ZONE_VARIABLE} is {name!r}; expected the name of a time zone such as Europe/Berlin."
        ) from error
    return name


nightly = dg.ScheduleDefinition(
    name="nightly",
    job=nightly_job,
    cron_schedule=cron_schedule(),
    execution_timezone=time_zone(),
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


def purge_runs(instance: dg.DagsterInstance) -> int:
    """Delete records of finished runs older than PRODUCTOPS_KEEP_RUNS_DAYS (90); return how many.

    Raises:
        SettingError: the setting is not a whole number of days.
    """
    days = os.environ.get(KEEP_RUNS_VARIABLE, "90")
    if not days.isdecimal():
        raise SettingError(f"{KEEP_RUNS_VARIABLE} is {days!r}; expected a whole number of days.")
    finished = [
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    ]
    old = instance.get_runs(
        dg.RunsFilter(
            statuses=finished, created_before=datetime.now(UTC) - timedelta(days=int(days))
        )
    )
    for run in old:
        instance.delete_run(run.run_id)
    return len(old)


@dg.op(name="purge_runs")
def _purge_runs(context: dg.OpExecutionContext) -> None:
    context.log.info("deleted %s old runs", purge_runs(context.instance))
    alerts.over("job:housekeeping")


@dg.job(executor_def=dg.in_process_executor, hooks={tell_of_failure})
def housekeeping() -> None:
    """Delete records of old runs, which Dagster itself keeps for ever."""
    _purge_runs()


weekly = dg.ScheduleDefinition(
    name="housekeeping",
    job=housekeeping,
    cron_schedule="15 5 * * 0",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
