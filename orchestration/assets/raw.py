"""Raw tables: vendors are asked at the same time, and the warehouse is written by one at a time."""

import importlib
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import timedelta

import dagster as dg

from ingestion import SOURCES
from ingestion.errors import IngestionError
from ingestion.pipeline import (
    Extraction,
    LoadReport,
    create_tables,
    extract,
    is_loaded,
    load,
    rows_read,
)
from orchestration import alerts, status
from orchestration.dbt import manifest
from orchestration.gates import import_checks
from orchestration.locking import hold_warehouse
from orchestration.progress import under_way
from orchestration.rebuild import rebuild_if_models_changed
from orchestration.sources import selected_sources

logger = logging.getLogger("productops")

# Nightly, so a day and two hours without news is late, and a day and a half is a missed night.
FRESHNESS = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=26), fail_window=timedelta(hours=36)
)


def raw_tables() -> dict[str, list[str]]:
    """Return the tables of each source, as dbt declares them."""
    tables: dict[str, list[str]] = {name: [] for name in SOURCES}
    for node in manifest()["sources"].values():
        tables[node["source_name"]].append(node["name"])
    return tables


def _specs() -> Iterator[dg.AssetSpec]:
    for source, tables in raw_tables().items():
        # The vendor itself is fresh or not; its tables keep their last rows while it is away.
        yield dg.AssetSpec(
            ["vendors", source],
            group_name="raw",
            kinds={"dlt"},
            skippable=True,
            freshness_policy=FRESHNESS,
            description=f"{source} as it was last reached.",
        )
        for table in tables:
            yield dg.AssetSpec(
                [source, table],
                group_name="raw",
                kinds={"dlt", "duckdb"},
                deps=[["vendors", source]],
            )


def load_sources(names: list[str]) -> tuple[dict[str, LoadReport], dict[str, IngestionError]]:
    """Load the named sources and return what came and what failed, by source.

    Extraction writes load packages on disk and waits for vendors, so it runs side by side; DuckDB
    takes one writer, so loading is one after the other. Each request is retried with growing
    pauses (RUNTIME__REQUEST_MAX_ATTEMPTS); a vendor that still fails stops no other.
    """
    reports: dict[str, LoadReport] = {}
    failures: dict[str, IngestionError] = {}
    with ThreadPoolExecutor(max_workers=len(names)) as threads:
        running: dict[Future[Extraction], str] = {
            threads.submit(_extract, name): name for name in names
        }
        for future in as_completed(running):
            name = running[future]
            try:
                extraction = future.result()
                with under_way(name, lambda: "putting it into the warehouse"):
                    reports[name] = load(extraction)
                _tell_of_load(reports[name])
            except IngestionError as error:
                failures[name] = error
                alerts.begun(f"source:{name}", f"{name} was not loaded", str(error))
    return reports, failures


def _extract(name: str) -> Extraction:
    with under_way(name, lambda: f"{rows_read(name):,} rows read"):
        return extract(name)


def _tell_of_load(report: LoadReport) -> None:
    rows = ", ".join(f"{table} {count:,}" for table, count in report.rows.items() if count)
    logger.info("%s: %s (%.1f s)", report.source, rows or "nothing new", report.seconds)
    if report.waiting:
        logger.warning("%s", report.waiting)
    status.source_reached(report.source, report.vendor_now, sum(report.rows.values()))
    alerts.over(f"source:{report.source}")
    for table in SOURCES[report.source].tables:
        key = f"table:{report.source}.{table.name}"
        if table.name in report.stopped:
            title = f"{report.source}.{table.name} is stopped and keeps its rows"
            alerts.begun(key, title, report.stopped[table.name])
        else:
            alerts.over(key)


@dg.multi_asset(
    name="raw",
    specs=list(_specs()),
    can_subset=True,
    check_specs=[
        dg.AssetCheckSpec(
            "reached", asset=["vendors", source], description="The vendor answered tonight."
        )
        for source in SOURCES
    ],
)
def raw(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Load what is new from every vendor; each runs alone if only its tables are selected."""
    hold_warehouse()
    if not context.is_subset:
        status.night_began(context.run_id)
    wanted = {
        key.path[1] if key.path[0] == "vendors" else key.path[0]
        for key in context.selected_asset_keys
    }
    selected = [name for name in selected_sources() if name in wanted]
    if not context.is_subset:
        rebuild_if_models_changed(context.run_id)
    for name in set(SOURCES) - set(selected_sources()):
        create_tables(name)
    # On a night with news the vendors keep us waiting for longer than the gate's library takes to
    # import; on a quiet one they do not, and it is not needed.
    # dlt takes pandas from the loaded modules, half imported if the gate's library is at it: it is
    # imported before there is more than one thread.
    importlib.import_module("pandas")
    meanwhile = threading.Timer(3.0, import_checks)
    meanwhile.daemon = True
    meanwhile.start()
    reports, failures = load_sources(selected)
    meanwhile.cancel()
    for name, error in failures.items():
        if not is_loaded(name):
            raise dg.Failure(
                f"{error}\nNothing of {name} was ever loaded, so nothing can be built."
                f" Mend it, or leave {name} out of PRODUCTOPS_SOURCES.",
                allow_retries=False,
            )
        # What models have asked for since it was last reached.
        create_tables(name)
    for key in sorted(context.selected_asset_keys, key=lambda key: key.path[0] != "vendors"):
        source = key.path[1] if key.path[0] == "vendors" else key.path[0]
        if key.path[0] == "vendors":
            if source in reports:
                yield dg.MaterializeResult(
                    asset_key=key, metadata=_vendor_metadata(reports[source])
                )
        else:
            yield dg.MaterializeResult(
                asset_key=key, metadata=_table_metadata(key.path[1], reports.get(source))
            )
    for check in context.selected_asset_check_keys:
        source = check.asset_key.path[1]
        yield dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=source not in failures,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"error": str(failures[source])} if source in failures else {},
        )


def _vendor_metadata(report: LoadReport) -> dict[str, dg.MetadataValue]:
    return {
        "vendor_time": dg.MetadataValue.text(str(report.vendor_now)),
        "seconds": dg.MetadataValue.float(round(report.seconds, 3)),
        "load_ids": dg.MetadataValue.json(list(report.load_ids)),
    }


def _table_metadata(table: str, report: LoadReport | None) -> dict[str, dg.MetadataValue]:
    if report is None:
        return {"rows_loaded": dg.MetadataValue.int(0), "stale": dg.MetadataValue.bool(True)}
    return {
        "rows_loaded": dg.MetadataValue.int(report.rows.get(table, 0)),
        "load_ids": dg.MetadataValue.json(list(report.load_ids)),
        "stopped": dg.MetadataValue.text(report.stopped.get(table, "no")),
    }
