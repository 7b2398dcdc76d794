"""The publication: what readers see, switched in one step after every gate passed."""

import logging
from datetime import UTC, datetime

import dagster as dg

from orchestration import alerts, status
from orchestration.dbt import marts
from orchestration.gates import verdict
from orchestration.locking import hold_warehouse
from orchestration.progress import under_way
from orchestration.publishing import publish_build

logger = logging.getLogger("productops")


def mart_keys() -> list[dg.AssetKey]:
    """Return the keys of the published tables."""
    return [dg.AssetKey(table.split(".")) for table in sorted(marts())]


@dg.asset(
    key=["publication"],
    deps=mart_keys(),
    group_name="publication",
    kinds={"duckdb"},
    description="data/serving/current/productops.duckdb: the file that readers open.",
)
def publication(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Copy the marts to a new version, compare it with the build, and switch readers to it."""
    hold_warehouse()
    run = context.instance.get_run_stats(context.run_id)
    started = datetime.fromtimestamp(run.start_time, UTC) if run.start_time else datetime.now(UTC)
    judged = verdict(context.run_id)
    with under_way("publication", lambda: "copying marts and comparing them"):
        published = publish_build(context.run_id, started, judged)
    status.night_ended("published")
    alerts.over("job:nightly")
    logger.info(
        "Published %s tables, %s rows, %s checks passed → %s",
        len(published.tables),
        f"{published.row_count:,}",
        published.checks_passed,
        published.path,
    )
    return dg.MaterializeResult(
        metadata={
            "publication": published.publication_id,
            "dagster/row_count": published.row_count,
            "tables": dg.MetadataValue.json(dict(published.tables)),
            "path": dg.MetadataValue.path(str(published.path)),
            "problems": dg.MetadataValue.json(status.read()["incidents"]),
        }
    )
