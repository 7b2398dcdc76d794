"""The gates: suites of expectations as asset checks, on raw tables and on marts."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg

from expectations import suites
from expectations.results import CheckResult
from ingestion import SOURCES
from ingestion.pipeline import warehouse_path
from orchestration.candidate import Digests, digests
from orchestration.changes import fingerprint, is_published
from orchestration.locking import hold_warehouse
from orchestration.paths import data_docs, published_file
from orchestration.progress import under_way

logger = logging.getLogger("productops")

MART_GATE = "mart_gate"
# What the gates of a run said, for the record that is published with the marts. The steps of a run
# share one process.
_results: dict[str, list[CheckResult]] = defaultdict(list)
_judged: dict[str, Digests] = {}


@dataclass(frozen=True)
class Verdict:
    """What the gates said, and of which marts: a build that changed since was not judged."""

    results: Sequence[CheckResult]
    digests: Digests

    @property
    def refusal(self) -> str | None:
        """Why nothing may be published, if so."""
        blocking = [result for result in self.results if result.blocks]
        return (
            f"{blocking[0].table}.{blocking[0].name}: {blocking[0].message}" if blocking else None
        )


def verdict(run_id: str) -> Verdict:
    """Return what the gates of a run said; a publication that is run alone has its marts judged."""
    if run_id not in _judged:
        return judge_marts()
    return Verdict(tuple(_results[run_id]), _judged[run_id])


def import_checks() -> None:
    """Import what runs the checks; it takes 7 s, so it is never done with the definitions."""
    from expectations.validation import preload

    preload()


def _gate(name: str, tables: list[str], description: str) -> dg.AssetChecksDefinition:
    specs = [
        dg.AssetCheckSpec(
            expectation.name,
            asset=table.split("."),
            description=expectation.description,
            # Only a result of severity error blocks, and that is also what a check of any
            # severity becomes when it cannot be evaluated.
            blocking=True,
        )
        for table in tables
        for expectation in suites()[table].expectations
    ]

    @dg.multi_asset_check(name=name, specs=specs, description=description)
    def gate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        hold_warehouse()
        if is_published(fingerprint(warehouse_path())):
            # No error stopped these rows when they were published; the answer would be the same.
            yield from (_unchanged(key) for key in context.selected_asset_check_keys)
            logger.info("%s: the same rows as in the publication", name)
            return
        if name == MART_GATE:
            _judged[context.run.run_id] = digests(warehouse_path())
        results = _judge(name, tables)
        _results[context.run.run_id].extend(results)
        for result in results:
            yield _as_check_result(result)
        failed = [result for result in results if not result.passed and not result.skipped]
        skipped = sum(result.skipped for result in results)
        logger.info(
            "%s: %s checks passed, %s failed, %s skipped",
            name,
            len(results) - len(failed) - skipped,
            len(failed),
            skipped,
        )
        for result in failed:
            logger.warning(
                "%s %s.%s: %s", result.severity, result.table, result.name, result.message
            )

    return gate


def _judge(name: str, tables: list[str]) -> list[CheckResult]:
    from expectations.validation import validate

    published = published_file()
    with under_way(name, lambda: f"checking {len(tables)} tables"):
        return validate(
            warehouse_path(),
            tables,
            published=published if published.exists() else None,
            data_docs=data_docs() / name,
        )


def judge_marts() -> Verdict:
    """Return what the expectations on marts say of the build, outside of a Dagster check."""
    # Before and not after: what is published must be what was there when judging began.
    judged = digests(warehouse_path())
    return Verdict(_judge(MART_GATE, _mart_tables()), judged)


def _mart_tables() -> list[str]:
    return [table for table in suites() if table.split(".")[0] not in SOURCES]


def _unchanged(key: dg.AssetCheckKey) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=True,
        description="The same rows as in the current publication; no error stopped them then.",
        metadata={"unchanged": True},
    )


def _as_check_result(result: CheckResult) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity
    return dg.AssetCheckResult(
        asset_key=result.table.split("."),
        check_name=result.name,
        passed=result.passed or result.skipped,
        severity=severity.ERROR if result.severity == "error" else severity.WARN,
        description=result.message,
        metadata={**result.observed, "skipped": result.skipped},
    )


def raw_gate() -> dg.AssetChecksDefinition:
    """Return the checks on raw tables; models are not built on tables that fail them."""
    tables = [table for table in suites() if table.split(".")[0] in SOURCES]
    return _gate("raw_gate", tables, "Did we get what the vendor has?")


def mart_gate() -> dg.AssetChecksDefinition:
    """Return the checks on marts; a version that fails them is not published."""
    return _gate(MART_GATE, _mart_tables(), "Would a reader believe these numbers?")
