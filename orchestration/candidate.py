"""The file that would be published: copied from the build, searched for persons, compared."""

import json
import logging
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from expectations.results import CheckResult
from orchestration.explain import Circumstances, movements, total
from orchestration.metrics import Metric
from orchestration.semantic_layer import Catalogue

logger = logging.getLogger("productops")

MART_SCHEMAS = (
    "core",
    "product",
    "sales",
    "marketing",
    "research",
    "delivery",
    "tooling",
    "ops",
)
# Opens in every DuckDB that a BI tool embeds, 1.0 to 2.0.
STORAGE_VERSION = "v1.0.0"

# The pages: rows of charts and tables are capped (dashboards/figures.py), and 2 MB in the demo.
SITE_BYTES = 10 * 1024**2

# In RE2's syntax. Also as in a URL, where a form was submitted by GET: ?email=jo%40acme.example
EMAIL = (
    r"[^\s@\"'<>,;:/\\|()\[\]{}=&?]+(@|%40)"
    r"[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*\.\p{L}{2,}"
)
# What cannot hold an address. Everything else is read as text: JSON, lists, structs and blobs too.
NO_TEXT = re.compile(
    r"^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL.*|NUMERIC.*|FLOAT|DOUBLE|BOOLEAN|DATE"
    r"|TIME|TIME WITH TIME ZONE|TIMESTAMP.*|INTERVAL|UUID)$"
)

# The record of publications travels in the published file itself.
RECORDS = {
    "publications": {
        "publication_id": ("varchar", "Sortable: the UTC time of the publication, and a short id."),
        "published_at": ("timestamp", "UTC; when the version was written, just before the switch."),
        "git_sha": ("varchar", "The code that made it."),
        "run_id": ("varchar", "The Dagster run that made it."),
        "started_at": ("timestamp", "UTC; when that run began."),
        "duration_seconds": ("double", "From the beginning of the run to published_at."),
        "row_count": ("bigint", "Rows of all marts."),
        "table_count": ("bigint", "How many marts."),
        "checks_passed": ("bigint", None),
        "checks_failed": ("bigint", "Warnings; a failed error is never published."),
        "checks_skipped": ("bigint", None),
        "data_as_of": ("timestamp", "UTC; the vendors' time when the data were read."),
        "models_version": ("varchar", "A hash of the dbt project that built it."),
    },
    "publication_tables": {
        "publication_id": ("varchar", None),
        "table_name": ("varchar", "As schema.table."),
        "row_count": ("bigint", None),
        "content_hash": ("varchar", "Equal for equal rows, in whatever order."),
    },
    "publication_checks": {
        "publication_id": ("varchar", None),
        "table_name": ("varchar", "As schema.table."),
        "check_name": ("varchar", None),
        "severity": ("varchar", "error or warn."),
        "passed": ("boolean", None),
        "skipped": ("boolean", "Nothing to compare with, so nothing was said."),
        "observed": ("varchar", "What the check saw, as JSON text."),
        "message": ("varchar", None),
    },
    "publication_metrics": {
        "publication_id": ("varchar", None),
        "metric": ("varchar", None),
        "total": ("decimal(38, 6)", "Over the whole mart."),
        "definition": ("varchar", "What was summed over which rows, as JSON text."),
    },
    "publication_changes": {
        "publication_id": ("varchar", None),
        "metric": ("varchar", None),
        "cause": (
            "varchar",
            "new data, late data, changed source records, code or definition.",
        ),
        "amount": ("decimal(38, 6)", "What the cause added since the publication before."),
    },
}
ABOUT = {
    "publications": "One row per publication, the history included.",
    "publication_tables": "One row per publication and mart.",
    "publication_checks": "One row per publication and expectation.",
    "publication_metrics": "One row per publication and additive metric.",
    "publication_changes": (
        "One row per publication, metric and cause that moved it; the amounts add up to the"
        " difference between the totals of two publications in a row."
    ),
}


# Rows and an order-independent hash of all cells, by `schema.table`.
Digests = Mapping[str, tuple[int, str]]


class PublicationRefusedError(RuntimeError):
    """The candidate may not be shown to readers, who keep what they have."""

    def __init__(
        self, message: str, table: str = "", column: str = "", count: int | None = None
    ) -> None:
        super().__init__(f"Not published: {message}")
        self.table, self.column, self.count = table, column, count


@dataclass(frozen=True)
class Mart:
    """A table or view of the build that is published."""

    schema: str
    table: str
    is_view: bool
    comment: str | None
    columns: Sequence[tuple[str, str, bool, str | None]]  # name, type, nullable, comment

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"

    def within(self, catalog: str) -> str:
        return ".".join(map(quoted, (catalog, self.schema, self.table)))


@dataclass(frozen=True)
class Facts:
    """What the record says of the publication that is being made."""

    publication_id: str
    git_sha: str
    run_id: str
    started_at: datetime
    published_at: datetime
    checks: Sequence[CheckResult] = field(default_factory=tuple)
    metrics: Sequence[Metric] = field(default_factory=tuple)
    catalogue: Catalogue = field(default_factory=Catalogue)
    data_as_of: datetime | None = None
    models_version: str | None = None
    rebuilt: bool = False


def quoted(name: str) -> str:
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL takes it, where a statement has no parameters."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def reading(build: Path, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection to nothing, with the build attached under its own name, read-only.

    Its own name, since views of the build name their tables by it.
    """
    if not build.exists():
        raise PublicationRefusedError(f"there is no build at {build}; run the job first")
    config: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(spill),
        "memory_limit": os.environ.get("PRODUCTOPS_JOB_MEMORY_LIMIT", "500MB"),
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            connection.execute(f"attach {literal(str(build))} as {quoted(build.stem)} (read_only)")
        except duckdb.Error as error:
            raise PublicationRefusedError(
                f"{build} cannot be read ({error}); close what holds it open for writing"
            ) from error
        connection.execute(f"use {quoted(build.stem)}")
        yield connection


def marts_of(
    connection: duckdb.DuckDBPyConnection, catalog: str, *, records: bool = False
) -> list[Mart]:
    """Return all tables and views of the mart schemas, and the record of publications if asked."""
    rows = connection.execute(
        "select schema_name, table_name, false, comment from duckdb_tables()"
        " where database_name = $catalog and list_contains($schemas, schema_name)"
        " union all select schema_name, view_name, true, comment from duckdb_views()"
        " where database_name = $catalog and list_contains($schemas, schema_name)"
        " order by all",
        {"catalog": catalog, "schemas": list(MART_SCHEMAS)},
    ).fetchall()
    return [
        Mart(schema, table, is_view, comment, _columns(connection, catalog, schema, table))
        for schema, table, is_view, comment in rows
        if records or not (schema == "ops" and table in RECORDS)
    ]


def _columns(
    connection: duckdb.DuckDBPyConnection, catalog: str, schema: str, table: str
) -> list[tuple[str, str, bool, str | None]]:
    return connection.execute(
        "select column_name, data_type, is_nullable, comment from duckdb_columns()"
        " where database_name = ? and schema_name = ? and table_name = ? order by column_index",
        [catalog, schema, table],
    ).fetchall()


def refuse_personal(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    marts: Sequence[Mart],
    personal: Collection[tuple[str, str]],
) -> None:
    """Refuse a mart with a column that is tagged as personal."""
    for mart in marts:
        for column, *_ in mart.columns:
            if (mart.name, column) in personal:
                count = _one(
                    connection, f"select count({quoted(column)}) from {mart.within(catalog)}"
                )
                raise PublicationRefusedError(
                    f"{mart.name}.{column} is tagged as personal ({count:,} values);"
                    " leave the column out of the mart, or publish a pseudonym",
                    mart.name,
                    column,
                    count,
                )


def refuse_without_space(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    marts: Sequence[Mart],
    current: Path,
    free: int,
) -> None:
    """Refuse before anything is written, if the candidate would not fit."""
    blocks = sum(_blocks(connection, catalog, mart) for mart in marts if not mart.is_view)
    before = current.stat().st_size if current.exists() else 0
    # The old format compresses less well, and views take no blocks in the build.
    needed = 2 * max(blocks * 256 * 1024, before) + SITE_BYTES + 16 * 1024**2
    if free < needed:
        raise PublicationRefusedError(
            f"it needs up to {needed / 1024**2:,.0f} MiB beside {current.parent},"
            f" and {free / 1024**2:,.0f} MiB are free; free some, or keep fewer versions"
        )


def _blocks(connection: duckdb.DuckDBPyConnection, catalog: str, mart: Mart) -> int:
    return _one(
        connection,
        "select count(distinct block_id) from"
        f" pragma_storage_info({literal(mart.within(catalog))}) where persistent",
    )


def copy(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    marts: Sequence[Mart],
    path: Path,
    keep: Mapping[str, str] | None = None,
) -> None:
    """Create the candidate and copy every mart into it; it stays attached as `candidate`.

    `keep` gives a condition for the rows of a mart, by its name; the default is all rows.

    CREATE TABLE AS and not COPY FROM DATABASE or a copied file: both would ship raw tables,
    and what was deleted from the build.
    """
    connection.execute(
        f"attach {literal(str(path))} as candidate (storage_version {literal(STORAGE_VERSION)})"
    )
    for schema in sorted({mart.schema for mart in marts} | {"ops"}):
        connection.execute(f"create schema candidate.{quoted(schema)}")
    for mart in marts:
        target = mart.within("candidate")
        kept = (keep or {}).get(mart.name, "true")
        connection.execute(
            f"create table {target} as select * from {mart.within(catalog)} where {kept}"
        )
        for column, _, is_nullable, _ in mart.columns:
            if not is_nullable:
                connection.execute(f"alter table {target} alter {quoted(column)} set not null")
        _comment(connection, target, mart.comment, {each[0]: each[3] for each in mart.columns})


def _comment(
    connection: duckdb.DuckDBPyConnection,
    target: str,
    comment: str | None,
    columns: Mapping[str, str | None],
) -> None:
    """Say again what CREATE TABLE AS drops."""
    if comment:
        connection.execute(f"comment on table {target} is {literal(comment)}")
    for column, text in columns.items():
        if text:
            connection.execute(f"comment on column {target}.{quoted(column)} is {literal(text)}")


def digest(connection: duckdb.DuckDBPyConnection, catalog: str, mart: Mart) -> tuple[int, str]:
    """Return the row count and a hash of all cells that no order of rows changes.

    A sum and not bit_xor, in which two equal rows cancel out.
    """
    cells = ", ".join(quoted(column) for column, *_ in mart.columns)
    row = connection.execute(
        f"select count(*), coalesce(sum(hash({cells})), 0) from {mart.within(catalog)}"
    ).fetchone()
    assert row is not None
    return row[0], f"{row[1]:x}"


def digests(build: Path) -> Digests:
    """Return the digest of every mart of a build, by `schema.table`.

    Raises:
        PublicationRefusedError: there is no build, or somebody is writing it.
    """
    with reading(build, build.with_name("spill")) as connection:
        marts = marts_of(connection, build.stem)
        return {mart.name: digest(connection, build.stem, mart) for mart in marts}


def refuse_unjudged(found: Digests, judged: Digests) -> None:
    """Refuse a build that is not the one the gates judged."""
    for name in sorted(found.keys() | judged.keys()):
        if found.get(name) != judged.get(name):
            was, now = (
                f"{each[name][0]:,} rows (hash {each[name][1]})" if name in each else "not there"
                for each in (judged, found)
            )
            raise PublicationRefusedError(
                f"{name} changed after the gates judged it: it was {was} and is {now};"
                " let nothing else write the warehouse, and run again",
                name,
            )


def record(
    connection: duckdb.DuckDBPyConnection,
    facts: Facts,
    digests: Mapping[str, tuple[int, str]],
    current: Path,
) -> None:
    """Write what this publication is into the candidate, after what its predecessors were."""
    for name, columns in RECORDS.items():
        target = f"candidate.ops.{name}"
        typed = ", ".join(f"{column} {kind}" for column, (kind, _) in columns.items())
        connection.execute(f"create table {target} ({typed})")
        _comment(
            connection, target, ABOUT[name], {column: text for column, (_, text) in columns.items()}
        )
    if _attach_previous(connection, current):
        _carry_history(connection)
        _insert(connection, "publication_changes", _changes(connection, facts))
        connection.execute("detach previous")
    checks = facts.checks
    _insert(
        connection,
        "publication_metrics",
        [
            (
                facts.publication_id,
                metric.name,
                total(connection, "candidate", metric),
                metric.definition,
            )
            for metric in facts.metrics
        ],
    )
    _insert(connection, "publications", [_publication_row(facts, digests)])
    _insert(
        connection,
        "publication_tables",
        [(facts.publication_id, table, *digest) for table, digest in sorted(digests.items())],
    )
    _insert(
        connection,
        "publication_checks",
        [
            (
                facts.publication_id,
                check.table,
                check.name,
                check.severity,
                check.passed,
                check.skipped,
                json.dumps(dict(check.observed), default=str),
                check.message,
            )
            for check in checks
        ],
    )


def _publication_row(facts: Facts, digests: Mapping[str, tuple[int, str]]) -> tuple[object, ...]:
    skipped = sum(check.skipped for check in facts.checks)
    failed = sum(not check.passed and not check.skipped for check in facts.checks)
    return (
        facts.publication_id,
        _naive(facts.published_at),
        facts.git_sha,
        facts.run_id,
        _naive(facts.started_at),
        (facts.published_at - facts.started_at).total_seconds(),
        sum(rows for rows, _ in digests.values()),
        len(digests),
        len(facts.checks) - failed - skipped,
        failed,
        skipped,
        _naive(facts.data_as_of) if facts.data_as_of else None,
        facts.models_version,
    )


def _naive(moment: datetime) -> datetime:
    """Return UTC as a plain timestamp: one with a zone needs an extension in embedded readers."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _insert(
    connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Sequence[object]]
) -> None:
    if rows:
        places = ", ".join("?" * len(RECORDS[name]))
        connection.executemany(f"insert into candidate.ops.{name} values ({places})", rows)


def _attach_previous(connection: duckdb.DuckDBPyConnection, current: Path) -> bool:
    """Attach what readers see now as `previous`, if it is there and can be read."""
    if not current.exists():
        return False
    try:
        connection.execute(f"attach {literal(str(current.resolve()))} as previous (read_only)")
    except duckdb.Error as error:
        # Readers are no better off with a broken file than without its history.
        logger.warning("%s cannot be read (%s): the history of publications ends", current, error)
        return False
    return True


def _carry_history(connection: duckdb.DuckDBPyConnection) -> None:
    for name, columns in RECORDS.items():
        known = {each[0] for each in _columns(connection, "previous", "ops", name)}
        if shared := ", ".join(column for column in columns if column in known):
            connection.execute(
                f"insert into candidate.ops.{name} by name"
                f" select {shared} from previous.ops.{name} order by publication_id"
            )


def _changes(
    connection: duckdb.DuckDBPyConnection, facts: Facts
) -> list[tuple[str, str, str, Decimal]]:
    """Why each metric moved since the previous publication, whose record is carried already."""
    previous = connection.execute(
        "select publication_id, data_as_of, models_version from candidate.ops.publications"
        " order by publication_id desc limit 1"
    ).fetchone()
    if not previous:
        return []
    publication_id, read_until, models_version = previous
    definitions = connection.execute(
        "select definition from candidate.ops.publication_metrics where publication_id = ?",
        [publication_id],
    ).fetchall()
    before = {metric.name: metric for metric in (Metric.defined(text) for (text,) in definitions)}
    circumstances = Circumstances(
        read_until=read_until,
        models_changed=models_version != facts.models_version,
        rebuilt=facts.rebuilt,
    )
    return [
        (facts.publication_id, *movement)
        for movement in movements(connection, facts.metrics, before, circumstances)
    ]


def refuse_addresses(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a candidate in which any text, anywhere, holds an e-mail address."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables()"
        " where database_name = 'candidate' order by all"
    ).fetchall()
    for schema, table in tables:
        columns = _columns(connection, "candidate", schema, table)
        texts = [column for column, kind, *_ in columns if not NO_TEXT.match(kind)]
        if not texts:
            continue
        target = f"candidate.{quoted(schema)}.{quoted(table)}"
        counts = connection.execute(
            f"select {', '.join(map(_holds_address, texts))} from {target}"
        ).fetchone()
        for column, count in zip(texts, counts or (), strict=True):
            if count:
                raise PublicationRefusedError(
                    f"{count:,} cells of {schema}.{table}.{column} hold an e-mail address;"
                    " take them out in the model (addresses belong in staging only)",
                    f"{schema}.{table}",
                    column,
                    count,
                )


def _holds_address(column: str) -> str:
    text = f"cast({quoted(column)} as varchar)"
    # Looking for the sign first is several times cheaper than the pattern alone.
    return (
        f"count(*) filter (where (contains({text}, '@') or contains({text}, '%40'))"
        f" and regexp_matches({text}, {literal(EMAIL)}))"
    )


def refuse_difference(
    path: Path, marts: Sequence[Mart], expected: Mapping[str, tuple[int, str]]
) -> None:
    """Open the finished file as a reader would, and refuse it if it is not what was built."""
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for mart in marts:
            found = digest(connection, path.stem, mart)
            if found != expected[mart.name]:
                raise PublicationRefusedError(
                    f"{mart.name} holds {found[0]:,} rows (hash {found[1]}), the build"
                    f" {expected[mart.name][0]:,} (hash {expected[mart.name][1]});"
                    " a disk that lies, or a view that tells something else each time",
                    mart.name,
                    count=found[0],
                )


def free_bytes(folder: Path) -> int:
    """Return how much may still be written to the disk of a folder."""
    return shutil.disk_usage(folder).free


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
