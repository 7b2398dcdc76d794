"""From a cell of a published mart to the vendors' rows behind it, and back to prove it.

The way down asks each model's own SQL which rows of the tables below gave a row
(`governance.provenance`), table by table, on what the warehouse holds. The way back up runs the
same models on nothing but the rows found, and must come to the same cell.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from governance.provenance import CATALOG, MEASURED, TABLE_SHIFT, WHY, Rewriter
from ingestion import SOURCES
from ingestion.destination import LOAD_ID
from ingestion.errors import IngestionError
from ingestion.pipeline import warehouse_path
from orchestration.dbt import Model, marts, models_as_built_whole
from orchestration.kept import last_kept
from orchestration.lineage import LINEAGE
from orchestration.paths import published_file

REPLAY = "productops"
# Taken as it is, not followed: rows that only bound the calendar would come back in the replay as
# deals and events of their own, without the rows that say whose they are.
CALENDAR = "core.dates"
# Values of a column that are written into a query: DuckDB prunes by these, and not by a join.
FEW = 200

Row = dict[str, Any]


class UntraceableError(LookupError):
    """There is no such cell, or the rows behind it are no longer what it was made of."""


@dataclass(frozen=True)
class SourceRows:
    """Rows of one raw table behind a cell.

    `measured` rows were counted, summed or shown; `context` rows say whose they are: identities,
    accounts, calendars. `columns` are those that the column lineage names. Each row is its
    vendor's key and the load package it came with.
    """

    table: str
    columns: tuple[str, ...]
    measured: list[Row] = field(default_factory=list)
    context: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Trace:
    """Everything behind one cell."""

    table: str
    key: Row
    column: str
    published: Any
    replayed: Any
    rows: list[SourceRows]
    seeds: dict[str, int]
    packages: list[Row]
    publication: Row
    checks: list[Row]

    @property
    def is_proven(self) -> bool:
        """Whether the rows, aggregated again, give exactly the published value."""
        return bool(self.published == self.replayed)


class Tracer:
    """Traces cells of what is published now, with the warehouse open for as long as it is used.

    Raises:
        IngestionError: somebody is writing the warehouse.
        UntraceableError: nothing is published.
    """

    def __init__(self) -> None:
        if not published_file().exists():
            raise UntraceableError("nothing is published yet, so there is no cell to trace")
        self._models = models_as_built_whole()
        self._published = duckdb.connect(str(published_file().resolve()), read_only=True)
        self._held = duckdb.connect()
        self._held.execute("set TimeZone = 'UTC'")
        try:
            self._held.execute(f"attach '{warehouse_path()}' as {CATALOG} (read_only)")
        except duckdb.Error as error:
            raise IngestionError(
                f"{warehouse_path()} is in use, most likely by a night; ask again when it ended"
                f" ({str(error).splitlines()[0]})"
            ) from error
        self._followed = self._models.keys() - {CALENDAR}
        self._types = self._columns()
        views = {name: model.sql for name, model in self._models.items() if model.is_view}
        self._rewriter = Rewriter(self._types, views)
        self._rewritten: dict[tuple[str, str | None], str] = {}

    def close(self) -> None:
        self._held.close()
        self._published.close()

    def trace(self, table: str, key: Mapping[str, str], column: str) -> Trace:
        """Return what is behind the cell of one row, found by `key`.

        Raises:
            UntraceableError: the cell is not there, is not unique, or not what the warehouse has.
        """
        row = self._cell(table, key, column)
        numbers = self._start(table, row)
        why, measured = self._walk(table, numbers, column)
        sources = {
            name: found
            for name, found in why.items()
            if name.split(".")[0] in SOURCES and not name.split(".")[1].startswith("_")
        }
        seeds = {name: len(found) for name, found in why.items() if name.startswith("seeds.")}
        rows = [
            self._source_rows(name, found, measured[name], self._lineage(table, column))
            for name, found in sorted(sources.items())
        ]
        packages = sorted({each[LOAD_ID] for r in rows for each in (*r.measured, *r.context)})
        publication, checks = self._publication({table, *sources})
        return Trace(
            table=table,
            key={name: row[name] for name in key},
            column=column,
            published=row[column],
            replayed=self._replayed(table, row, key, column, why),
            rows=rows,
            seeds=seeds,
            packages=self._packages(packages),
            publication=publication,
            checks=checks,
        )

    def _columns(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for table, column, kind in self._held.execute(
            "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
            f" where database_name = '{CATALOG}' and not ends_with(schema_name, '_staging')"
            " order by column_index"
        ).fetchall():
            found[table][column] = kind
        return dict(found)

    def _cell(self, table: str, key: Mapping[str, str], column: str) -> Row:
        """The published row."""
        types = self._types.get(table, {})
        if table not in marts():
            raise UntraceableError(f"{table!r} is no published table; {', '.join(marts())} are")
        for name in (*key, column):
            if name not in types:
                raise UntraceableError(f"{table} has no column {name!r}; it has {', '.join(types)}")
        found = _rows(
            self._published.execute(
                f"from {table} where {_matches(key, types)}", list(key.values())
            )
        )
        if len(found) != 1:
            asked = ", ".join(f"{name}={value}" for name, value in key.items())
            raise UntraceableError(
                f"{table} has {len(found)} rows with {asked or 'no key'};"
                " give as many --key as make a row unique"
            )
        return found[0]

    def _start(self, table: str, row: Row) -> set[int]:
        """The number of the row in the warehouse."""
        conditions = " and ".join(f'"{name}" is not distinct from ?' for name in row)
        found = self._held.execute(
            f"select rowid from {CATALOG}.{table} where {conditions}", list(row.values())
        ).fetchall()
        if not found:
            raise UntraceableError(
                f"the row of {table} that readers see is not in the warehouse any more: it was"
                " built again since. Let a night publish it, and ask again"
            )
        return {number for (number,) in found}

    def _walk(
        self, table: str, numbers: set[int], column: str
    ) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
        """Row numbers by table below, of all rows and of those that were measured."""
        why, measured = defaultdict[str, set[int]](set), defaultdict[str, set[int]](set)
        why[table] = measured[table] = numbers
        for name in reversed(self._above_sources(table)):
            model = self._models[name]
            if model.is_view or not why[name]:
                continue
            asked = column if name == table else None
            for rows, is_measured in ((measured[name], True), (why[name] - measured[name], False)):
                for below, found, found_measured in self._below(model, rows, asked):
                    why[below] |= found | found_measured
                    if is_measured:
                        measured[below] |= found_measured
        sources = [name for name in why if name not in self._models and why[name]]
        return {n: why[n] for n in sources}, {n: measured[n] for n in sources}

    def _above_sources(self, table: str) -> list[str]:
        """The model and all models below it, each after those it reads."""
        needed, waiting = set[str](), [table]
        while waiting:
            name = waiting.pop()
            if (
                name in self._models
                and name not in needed
                and (name == table or name in self._followed)
            ):
                needed.add(name)
                waiting += self._models[name].below
        return [name for name in self._models if name in needed]

    def _below(
        self, model: Model, numbers: set[int], column: str | None
    ) -> Iterable[tuple[str, set[int], set[int]]]:
        """Row numbers of the tables that a model reads, behind some of its rows."""
        if not numbers:
            return
        columns = self._types[model.table]
        self._held.execute(
            f"create or replace temp table wanted as from {CATALOG}.{model.table}"
            " where rowid in (select unnest(?))",
            [list(numbers)],
        )
        if (model.table, column) not in self._rewritten:
            self._rewritten[model.table, column] = self._rewriter.rewritten(model.sql, column)
        equal = " and ".join(f'wanted."{n}" is not distinct from each."{n}"' for n in columns)
        hints = "".join(f" and {hint}" for hint in self._hints(columns))
        found: dict[str, tuple[set[int], set[int]]] = {}
        for is_measured, number in self._held.execute(
            f"with hit as materialized (select {WHY}, {MEASURED} from"
            f" (from ({self._rewritten[model.table, column]}) as each where true{hints}) as each"
            f" semi join wanted on {equal})"
            f" select distinct false, unnest({WHY}) from hit"
            f" union all select distinct true, unnest({MEASURED}) from hit"
        ).fetchall():
            name = self._rewriter.tables[number >> TABLE_SHIFT]
            sets = found.setdefault(name, (set(), set()))
            sets[is_measured].add(number & ((1 << TABLE_SHIFT) - 1))
        for name, (rows, rows_measured) in found.items():
            yield name, rows, rows_measured

    def _hints(self, columns: Mapping[str, str]) -> list[str]:
        """Conditions that follow from the wanted rows and prune what is read."""
        kinds = ("VARCHAR", "DATE", "TIMESTAMP", "INTEGER", "BIGINT")
        asked = {name: kind for name, kind in columns.items() if kind.startswith(kinds)}
        if not asked:
            return []
        counts = self._wanted(f'count(distinct "{name}")' for name in asked)
        few = [name for name, count in zip(asked, counts, strict=True) if count <= FEW]
        texts = self._wanted(f'list(distinct cast("{name}" as varchar))' for name in few)
        hints = []
        for name, values in zip(few, texts, strict=True):
            literals = [
                f"cast('{value.replace(chr(39), chr(39) * 2)}' as {asked[name]})"
                for value in values
                if value is not None
            ]
            among = f'each."{name}" in ({", ".join(literals)})' if literals else "false"
            has_null = len(literals) < len(values)
            hints.append(f'({among} or each."{name}" is null)' if has_null else among)
        return hints

    def _wanted(self, aggregates: Iterable[str]) -> tuple[Any, ...]:
        """Aggregates of the wanted rows, of which there is at least one."""
        listed = ", ".join(aggregates)
        return self._held.execute(f"select {listed} from wanted").fetchall()[0] if listed else ()

    def _replayed(
        self,
        table: str,
        row: Row,
        key: Collection[str],
        column: str,
        sources: Mapping[str, set[int]],
    ) -> Any:  # Any: whatever the column holds
        """The cell as the models make it from nothing but the rows found."""
        order = self._above_sources(table)
        read = {below for name in order for below in self._models[name].below} - set(order)
        self._held.execute(f"attach ':memory:' as {REPLAY}")
        try:
            for schema in {name.split(".")[0] for name in (*order, *read)}:
                self._held.execute(f"create schema if not exists {REPLAY}.{schema}")
            for name in read:
                # Seeds are part of the models, as is what a model in Python makes of every text: a
                # rule may matter by not matching.
                all_rows = name.split(".")[0] not in SOURCES
                self._held.execute(
                    f"create table {REPLAY}.{name} as from {CATALOG}.{name}"
                    " where ? or rowid in (select unnest(cast(? as bigint[])))",
                    [all_rows, list(sources.get(name, ()))],
                )
            for name in order:
                kind = "view" if self._models[name].is_view else "table"
                self._held.execute(f"create {kind} {REPLAY}.{name} as {self._models[name].sql}")
            types = self._types[table]
            conditions = " and ".join(
                f'cast("{name}" as {types[name]}) is not distinct from ?' for name in key
            )
            found = self._held.execute(
                f'select cast("{column}" as {types[column]}) from {REPLAY}.{table}'
                f" where {conditions}",
                [row[name] for name in key],
            ).fetchall()
        finally:
            self._held.execute(f"detach {REPLAY}")
        return found[0][0] if len(found) == 1 else [value for (value,) in found]

    def _source_rows(
        self, name: str, numbers: set[int], measured: set[int], lineage: Collection[str]
    ) -> SourceRows:
        source, table = name.split(".")
        [declared] = [each for each in SOURCES[source].tables if each.name == table]
        keys = [*(declared.primary_key or declared.append_key), LOAD_ID]
        listed = ", ".join(f'"{key}"' for key in keys)
        found = _rows(
            self._held.execute(
                f"select rowid as number, {listed} from {CATALOG}.{name}"
                f" where rowid in (select unnest(?)) order by {listed}",
                [list(numbers)],
            )
        )
        rows = [(each.pop("number") in measured, each) for each in found]
        return SourceRows(
            name,
            tuple(sorted(each.split(".")[2] for each in lineage if each.startswith(f"{name}."))),
            [each for is_measured, each in rows if is_measured],
            [each for is_measured, each in rows if not is_measured],
        )

    def _lineage(self, table: str, column: str) -> set[str]:
        """The raw columns, as `source.table.column`, that Dagster's column lineage leads to."""
        known = last_kept(LINEAGE)
        if known is None:
            return set()
        found, seen, waiting = set[str](), set[tuple[str, str]](), [(table, column)]
        while waiting:
            name, asked = waiting.pop()
            if (name, asked) in seen:
                continue
            seen.add((name, asked))
            if name not in self._models:
                found.add(f"{name}.{asked}")
                continue
            below = known.get(self._models[name].unique_id, {}).get(asked, [])
            waiting += [(each, column) for each, column in below]
        return found

    def _packages(self, load_ids: Iterable[str]) -> list[Row]:
        wanted = list(load_ids)
        loads = " union all ".join(
            f"select '{name}' as source, load_id, inserted_at from {CATALOG}.{name}._dlt_loads"
            for name in SOURCES
            if f"{name}._dlt_loads" in self._types
        )
        return _rows(
            self._held.execute(
                f"from ({loads}) as loads where load_id in (select unnest(cast(? as varchar[])))"
                " order by all",
                [wanted],
            )
        )

    def _publication(self, tables: Collection[str]) -> tuple[Row, list[Row]]:
        publication = _rows(
            self._published.execute(
                "select publication_id, run_id, git_sha, models_version, published_at, data_as_of"
                " from ops.publications order by publication_id desc limit 1"
            )
        )[0]
        checks = _rows(
            self._published.execute(
                "select table_name, check_name, severity, passed, skipped"
                " from ops.publication_checks where publication_id = ?"
                " and list_contains(cast(? as varchar[]), table_name) order by all",
                [publication["publication_id"], list(tables)],
            )
        )
        return publication, checks


def _matches(names: Iterable[str], types: Mapping[str, str]) -> str:
    """A condition on columns with a parameter each; an empty text means null."""
    return (
        " and ".join(
            f"\"{name}\" is not distinct from cast(nullif(?, '') as {types[name]})"
            for name in names
        )
        or "true"
    )


def _rows(cursor: duckdb.DuckDBPyConnection) -> list[Row]:
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
