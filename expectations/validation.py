"""Run suites over a DuckDB file with Great Expectations, inside the database."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from expectations import MARTS, Expectation, Severity, Suite, SuiteError, suites
from expectations.results import CheckResult, Plain

if TYPE_CHECKING:
    import great_expectations as gx
    from great_expectations.core import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.expectations.expectation import Expectation as GxExpectation

SHOWN = 5
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
GX_SEVERITY: Mapping[Severity, str] = {"error": "critical", "warn": "warning"}


class WarehouseUnreadableError(RuntimeError):
    """The file that should be checked cannot be opened."""


def preload() -> None:
    """Import Great Expectations ahead of its first use, for a process that waits anyway."""
    import great_expectations  # noqa: F401

    import expectations.figures  # noqa: F401


def validate(
    warehouse: Path,
    tables: Sequence[str] | None = None,
    published: Path | None = None,
    data_docs: Path | None = None,
    *,
    every: Mapping[str, Suite] | None = None,
) -> list[CheckResult]:
    """Check tables (default: all that have a suite) and return a result per expectation.

    `data_docs` is replaced by the pages of this call; give each call a folder of its own.
    """
    chosen = _chosen(suites() if every is None else every, tables)
    # The file behind the link, so that a publication in mid-check changes nothing.
    published = published.resolve() if published and published.exists() else None
    skips = _reasons_to_skip(warehouse, chosen, published)
    results = {
        (suite.table, expectation.name): _not_run(suite.table, expectation, *reason)
        for suite in chosen
        for expectation in suite.expectations
        if (reason := skips.get((suite.table, expectation.name)))
    }
    runnable = [
        Suite(suite.table, expectations)
        for suite in chosen
        if (
            expectations := tuple(
                each for each in suite.expectations if (suite.table, each.name) not in results
            )
        )
    ]
    if runnable or data_docs:
        since = _read_until(warehouse, published)
        for result in _run(warehouse, runnable, published, data_docs):
            results[result.table, result.name] = _with_window(result, since)
    return [results[suite.table, each.name] for suite in chosen for each in suite.expectations]


def _read_until(warehouse: Path, published: Path | None) -> str:
    """The vendors' time when the data that readers see were read; empty if nothing says so."""
    if published is None:
        return ""
    with _reading(warehouse, published) as connection:
        try:
            row = connection.execute(
                "select max(data_as_of) from published.ops.publications"
            ).fetchone()
        except duckdb.Error:
            # Written by something else, or before this was recorded.
            return ""
    return f"{row[0]:%Y-%m-%d %H:%M} UTC" if row and row[0] else ""


def _with_window(result: CheckResult, since: str) -> CheckResult:
    """Say when the difference between two figures likely came about.

    A scope that is a day says it itself. Everything else was compared when the current publication
    was made, and held: then the difference came since.
    """
    if result.passed or "compared" not in result.observed:
        return result
    first, last = (str(result.observed.get(each)) for each in ("first_scope", "last_scope"))
    if DAY.fullmatch(first):
        window = first if first == last else f"{first} to {last}"
    else:
        window = f"since {since}" if since else "any time, nothing was published before"
    return replace(
        result,
        message=f"{result.message}; likely window: {window}",
        observed={**result.observed, "likely_window": window},
    )


def _chosen(every: Mapping[str, Suite], tables: Sequence[str] | None) -> list[Suite]:
    for table in tables or ():
        if table not in every:
            raise SuiteError(f"Table {table!r} has no suite; those with one: {sorted(every)}")
    return [every[table] for table in (sorted(every) if tables is None else tables)]


def _reasons_to_skip(
    warehouse: Path, chosen: Iterable[Suite], published: Path | None
) -> dict[tuple[str, str], tuple[bool, str]]:
    """Return what cannot be run: (whether that is a failure, why)."""
    reasons: dict[tuple[str, str], tuple[bool, str]] = {}
    with _reading(warehouse, published) as connection:
        existing = _relations(connection)
        schemas = {relation.split(".")[0] for relation in existing}
        for suite in chosen:
            for expectation in suite.expectations:
                lacking = _lacking(connection, existing, expectation.needs, published)
                key = (suite.table, expectation.name)
                schema = suite.table.split(".")[0]
                if suite.table in existing and lacking:
                    reasons[key] = (False, f"skipped: {lacking}")
                elif suite.table not in existing and schema not in schemas | MARTS:
                    reasons[key] = (False, f"skipped: {schema} was never loaded")
                elif suite.table not in existing:
                    remedy = f"build or load it, or remove it from {schema}.yml"
                    reasons[key] = (True, f"{suite.table} is not in {warehouse}; {remedy}")
    return reasons


@contextmanager
def _reading(warehouse: Path, published: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    if not warehouse.exists():
        raise WarehouseUnreadableError(
            f"There is no warehouse at {warehouse}; load it first, or set PRODUCTOPS_DATA"
        )
    try:
        connection = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        raise WarehouseUnreadableError(
            f"{warehouse} cannot be read ({error}); close what holds it open for writing"
        ) from error
    with connection:
        if published:
            path = str(published).replace("'", "''")
            connection.execute(f"attach '{path}' as published (read_only)")
        yield connection


def _relations(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return every table and view: `schema.table` here, `published.schema.table` there."""
    rows = connection.execute(
        "select case when database_name = 'published' then 'published.' else '' end"
        " || schema_name || '.' || relation from ("
        " select database_name, schema_name, table_name as relation from duckdb_tables()"
        " union all select database_name, schema_name, view_name from duckdb_views()"
        " where not internal"
        ") where database_name in ('published', current_database())"
    ).fetchall()
    return {relation for (relation,) in rows}


def _lacking(
    connection: duckdb.DuckDBPyConnection,
    existing: set[str],
    needs: Sequence[str],
    published: Path | None,
) -> str:
    for need in needs:
        if need.startswith("published.") and published is None:
            return "nothing is published yet"
        if need not in existing:
            return f"{need} does not exist"
        if not connection.execute(f"select 1 from {need} limit 1").fetchone():
            return f"{need} is empty"
    return ""


def _not_run(table: str, expectation: Expectation, failed: bool, why: str) -> CheckResult:
    return CheckResult(
        table=table,
        name=expectation.name,
        type=expectation.type,
        passed=not failed,
        skipped=not failed,
        # A gate that cannot run has not held, however mild it would have been.
        severity="error" if failed else expectation.severity,
        message=why,
        description=expectation.description,
    )


def _run(
    warehouse: Path,
    runnable: Sequence[Suite],
    published: Path | None,
    data_docs: Path | None,
) -> list[CheckResult]:
    """Run everything in one context over one connection."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    # Here and not above: this import takes six seconds, and Dagster loads this module often.
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # The site it brings along lies in a temporary folder that nobody would clear.
    context.delete_data_docs_site("local_site")
    source = _data_source(context, warehouse, published)
    results = []
    try:
        for suite in runnable:
            outcome = _validate_table(context, source, suite)
            by_name = {_name(each): each for each in outcome.results}
            results += [
                _check(suite.table, expectation, by_name[expectation.name])
                for expectation in suite.expectations
            ]
        if data_docs is not None:
            _build_data_docs(context, data_docs)
    finally:
        # GX keeps two engines, and an open file would keep the next writer out.
        source.get_engine().dispose()
        source.get_execution_engine().engine.dispose()
    return results


def _data_source(
    context: "gx.data_context.EphemeralDataContext",
    warehouse: Path,
    published: Path | None,
) -> Any:
    from expectations.duckdb_dialect import DRIVER

    # As arguments and not in the address: a path may hold anything.
    connect_args: dict[str, Any] = {"database": str(warehouse)}
    if published:
        connect_args["published"] = str(published)
    # Comparing every raw event spills to disk beyond it, so more events need no more memory.
    memory_limit = os.environ.get("PRODUCTOPS_JOB_MEMORY_LIMIT", "500MB")
    connect_args["config"] = {"memory_limit": memory_limit}
    # Typed as Any since GX generates this method, and its stub lacks `kwargs`.
    sources: Any = context.data_sources
    return sources.add_sql(
        "warehouse",
        connection_string=f"{DRIVER}://",
        create_temp_table=False,
        kwargs={"connect_args": connect_args},
    )


def _validate_table(
    context: "gx.data_context.EphemeralDataContext", source: Any, suite: Suite
) -> "ExpectationSuiteValidationResult":
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    # A query and not a table asset: GX finds out the columns of a table by PostgreSQL's
    # catalogue, which DuckDB has only in part. DuckDB plans both alike.
    asset = source.add_query_asset(suite.table, query=f"select * from {suite.table}")
    definition = asset.add_batch_definition_whole_table("whole table")
    expected = context.suites.add(
        gx.ExpectationSuite(
            name=suite.table, expectations=[_translated(each) for each in suite.expectations]
        )
    )
    outcome: ExpectationSuiteValidationResult = definition.get_batch().validate(
        # SUMMARY and not COMPLETE, which would fetch every value that was not expected.
        expected,
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": SHOWN},
    )
    personal = {each.name for each in suite.expectations if each.personal}
    for result in outcome.results:
        _withhold(result, _name(result) in personal)
    run_id = RunIdentifier(run_time=datetime.now(UTC))
    outcome.meta["run_id"] = run_id
    # Stored by hand and not by a validation definition, which would store before the above.
    context.validation_results_store.store_validation_results(
        outcome,
        ValidationResultIdentifier(
            expectation_suite_identifier=ExpectationSuiteIdentifier(name=suite.table),
            run_id=run_id,
            batch_identifier=suite.table,
        ),
        ExpectationSuiteIdentifier(name=suite.table),
    )
    return outcome


def _translated(expectation: Expectation) -> "GxExpectation":
    from great_expectations import expectations as gx_expectations

    from expectations.figures import ExpectFiguresToAgree, judged

    about: dict[str, Any] = {
        "severity": GX_SEVERITY[expectation.severity],
        "meta": {"name": expectation.name},
        # Shown by Data Docs in place of GX's own sentence.
        "description": f"{expectation.name} ({_bounds(expectation)}): {expectation.description}",
    }
    if expectation.type == "expect_figures_to_agree":
        return ExpectFiguresToAgree(unexpected_rows_query=judged(expectation.kwargs), **about)
    known = getattr(gx_expectations, expectation.type.title().replace("_", ""))
    translated: GxExpectation = known(**expectation.kwargs, **about)
    return translated


def _name(result: "ExpectationValidationResult") -> str:
    config = result.expectation_config
    return config.meta["name"] if config and config.meta else ""


def _withhold(result: "ExpectationValidationResult", personal: bool) -> None:
    """Take values that nobody may see out of a result, before it is stored or shown."""
    if personal:
        for key in [key for key in result.result if "unexpected" in key and "list" in key]:
            result.result[key] = []
        result.result.pop("partial_unexpected_counts", None)
        result.result.pop("observed_value", None)
    result.result = _masked(result.result)
    result.exception_info = _masked(result.exception_info)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return EMAIL.sub("(e-mail withheld)", value)
    if isinstance(value, Mapping):
        return {_masked(key): _masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    """Return a value that JSON and Dagster take: no numpy scalar, no Decimal, no date."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):  # a datetime is one as well
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _check(
    table: str, expectation: Expectation, result: "ExpectationValidationResult"
) -> CheckResult:
    broken = _exception(result.exception_info)
    details = {**result.result, **result.result.get("details", {})}
    examples = details.get("unexpected_rows", details.get("partial_unexpected_list", ()))
    observed = {
        key: value
        for key, value in details.items()
        if isinstance(value, str | int | float) and key != "unexpected_index_query"
    }
    passed = bool(result.success) and not broken
    return CheckResult(
        table=table,
        name=expectation.name,
        type=expectation.type,
        passed=passed,
        skipped=False,
        severity="error" if broken else expectation.severity,
        message=f"could not be evaluated: {broken}" if broken else _message(expectation, observed),
        description=expectation.description,
        observed=observed,
        examples=tuple(examples[:SHOWN]),
    )


def _exception(info: Mapping[str, Any] | None) -> str:
    """Return the message of the first exception; GX nests them by metric, or does not."""
    for each in (info, *(info or {}).values()):
        if isinstance(each, Mapping) and each.get("raised_exception"):
            return str(each.get("exception_message")).strip().split("\n")[0]
    return ""


def _message(expectation: Expectation, observed: Mapping[str, Plain]) -> str:
    if expectation.type == "expect_figures_to_agree":
        if not observed.get("compared"):
            return "nothing to compare"
        return (
            f"{observed['unexpected']} of {observed['compared']} beyond {_budget(expectation)};"
            f" furthest {observed.get('scope')!r}: expected {_short(observed.get('expected'))},"
            f" observed {_short(observed.get('observed'))}"
        )
    if "unexpected_count" in observed:
        seen = f"{observed['unexpected_count']} of {observed.get('element_count')} rows beyond"
    else:
        seen = f"observed {_short(observed.get('observed_value'))} against"
    return f"{seen} {_bounds(expectation)}"


def _bounds(expectation: Expectation) -> str:
    if expectation.type == "expect_figures_to_agree":
        return f"within {_budget(expectation)}"
    return ", ".join(
        f"{key} {value}" for key, value in expectation.kwargs.items() if key != "column"
    )


def _budget(expectation: Expectation) -> str:
    share, tolerance = (expectation.kwargs.get(key, 0) for key in ("tolerance_share", "tolerance"))
    direction = expectation.kwargs.get("direction", "both")
    side = {"both": "", "at_least": " below", "at_most": " above"}[direction]
    return f"{tolerance:g}{f' + {100 * share:g} %' if share else ''}{side}"


def _short(value: Plain | None) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _build_data_docs(context: "gx.data_context.EphemeralDataContext", folder: Path) -> None:
    """Build GX's pages beside the folder, then put them in its place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        built = Path(temporary, "site")
        context.add_data_docs_site(
            "local",
            {
                "class_name": "SiteBuilder",
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": {
                    "class_name": "TupleFilesystemStoreBackend",
                    "base_directory": str(built),
                },
            },
        )
        context.build_data_docs()
        for page in built.rglob("*.html"):
            page.write_text(_without_strangers(page.read_text()))
        if folder.exists():
            shutil.rmtree(folder)
        built.rename(folder)


# GX's pages fetch styles and scripts from six hosts at each view. They read well without,
# and who looks at our checks is nobody's business.
STRANGER = re.compile(
    r"<link\b[^>]*?href=[\"']https?://[^>]*>"
    r"|<img\b[^>]*?src=[\"']https?://[^>]*>"
    r"|<script\b[^>]*?src=[\"']https?://[^>]*>\s*</script>",
    re.IGNORECASE | re.DOTALL,
)
STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 1rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
td, th { border: 1px solid #ddd; padding: .3rem .6rem; text-align: left; vertical-align: top }
pre, code { white-space: pre-wrap }
img { max-width: 12rem }
</style>
"""


def _without_strangers(page: str) -> str:
    return STRANGER.sub("", page).replace("</head>", f"{STYLE}</head>", 1)
