"""dbt: raw tables to marts, in one invocation."""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, DbtCliResource, dbt_assets
from dagster_dbt.core.dbt_event_iterator import DbtDagsterEventType

from ingestion.pipeline import warehouse_path
from orchestration import alerts, status
from orchestration.changes import fingerprint, is_published
from orchestration.code_version import models_version
from orchestration.dbt import ensure_manifest, manifest, prepare_environment, project
from orchestration.kept import kept
from orchestration.lineage import LINEAGE, as_metadata, project_dependencies, table_name
from orchestration.locking import hold_warehouse
from orchestration.paths import build_record
from orchestration.progress import under_way

logger = logging.getLogger("productops")


class Translator(DagsterDbtTranslator):
    """Key seeds and models `<schema>/<name>`; sources already are `<source>/<table>`."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the dbt group of a mart, and the layer of everything below it."""
        group = super().get_group_name(dbt_resource_props)
        return group or dbt_resource_props.get("schema")


@dbt_assets(
    manifest=ensure_manifest(),
    project=project(),
    dagster_dbt_translator=Translator(),
    name="models",
)
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """Build and test every model. Nothing new since the publication: nothing to build.

    Unit tests prove rules and need no data; they run with the tests.
    """
    hold_warehouse()
    prepare_environment()
    if not context.is_subset and is_published(fingerprint(warehouse_path())):
        logger.info("models: nothing new since the last publication")
        status.night_ended("nothing new")
        alerts.over("job:nightly")
        return
    started = time.monotonic()
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    version = models_version()
    # Rows that incremental models keep were made by other rules if the rules changed.
    if built_version() != version:
        arguments.append("--full-refresh")
    yield from _with_metadata(dbt.cli(arguments, context=context))
    if not context.is_subset:
        build_record().write_text(json.dumps({"models_version": version}))
    logger.info("models: built and tested (%.1f s)", time.monotonic() - started)


def built_version() -> str | None:
    """Return the version of the models that the warehouse was last built with, if any."""
    try:
        version: str = json.loads(build_record().read_text())["models_version"]
    except (OSError, ValueError, KeyError):
        return None
    return version


def _with_metadata(invocation: DbtCliInvocation) -> Iterator[DbtDagsterEventType]:
    """Yield what dbt reports, tables with their row counts, columns and column lineage.

    Nothing can read the file while dbt writes it, so tables are reported when dbt has ended, also
    if it failed. Tests are reported as they come: storing an event takes Dagster 10 ms, and there
    are 200 of them.
    """
    tables: list[dg.Output | dg.AssetMaterialization] = []
    failure: Exception | None = None
    kinds = [node["resource_type"] for node in manifest()["nodes"].values()]
    total = sum(kind in {"model", "seed", "test"} for kind in kinds)
    done = 0
    with under_way("models", lambda: f"{done:,} of {total:,} models and tests"):
        try:
            for event in invocation.stream():
                done += 1
                if isinstance(event, dg.Output | dg.AssetMaterialization):
                    tables.append(event)
                else:
                    yield event
        except Exception as error:
            failure = error
    metadata = _table_metadata(invocation)
    for table in tables:
        unique_id = str(table.metadata["unique_id"].value)
        yield table.with_metadata({**table.metadata, **metadata.get(unique_id, {})})
    if failure:
        raise failure
    # dbt leaves a folder of its artifacts for every run, 10 MB each.
    shutil.rmtree(invocation.target_path, ignore_errors=True)


def _table_metadata(invocation: DbtCliInvocation) -> dict[str, dict[str, Any]]:
    """Return what Dagster shows of each dbt node, by its unique id."""
    columns, counts = _tables()
    nodes = manifest()["nodes"]
    models = [node for node in nodes.values() if node["resource_type"] == "model"]
    # Vendors' columns are a part of it, and one may be new tonight.
    of_columns = hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()
    dependencies = kept(
        LINEAGE,
        f"{models_version()} {of_columns}",
        lambda: project_dependencies(models, invocation.target_path, columns),
    )
    keys = {table: dg.AssetKey(table.split(".")) for table in columns}
    shown: dict[str, dict[str, Any]] = {}
    for unique_id, node in nodes.items():
        table = table_name(node)
        if table not in columns or node["resource_type"] not in {"model", "seed"}:
            continue
        schema = dg.TableSchema([dg.TableColumn(*column) for column in columns[table].items()])
        shown[unique_id] = {"dagster/column_schema": schema}
        if table in counts:
            shown[unique_id]["dagster/row_count"] = counts[table]
        if unique_id in dependencies:
            lineage = as_metadata(dependencies[unique_id], keys)
            shown[unique_id]["dagster/column_lineage"] = lineage
    return shown


def _tables() -> tuple[dict[str, dict[str, str]], dict[str, int]]:
    """Return the column types of all tables and views, and the row counts of tables."""
    columns: dict[str, dict[str, str]] = {}
    with duckdb.connect(str(warehouse_path()), read_only=True) as connection:
        for schema, table, column, kind in connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns()"
            " where not internal order by schema_name, table_name, column_index"
        ).fetchall():
            columns.setdefault(f"{schema}.{table}", {})[column] = kind
        tables = connection.execute(
            "select '\"' || schema_name || '\".\"' || table_name || '\"' from duckdb_tables()"
        ).fetchall()
        counts = {
            table.replace('"', ""): connection.table(table).count("*").fetchall()[0][0]
            for (table,) in tables
        }
    return columns, counts
