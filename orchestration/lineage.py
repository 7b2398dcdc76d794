"""Which column comes from which: read from the SQL that dbt compiled, once per version of it."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import Schema, ensure_schema

logger = logging.getLogger("productops")

# The name under which it is kept.
LINEAGE = "column_lineage"

Columns = Mapping[str, Mapping[str, str]]  # type by column by `schema.table`
Dependencies = dict[str, list[tuple[str, str]]]  # (`schema.table`, column) by column


def table_name(node: Mapping[str, Any]) -> str:
    """Return `<schema>.<name>` of a dbt node or source."""
    return f"{node['schema']}.{node.get('identifier') or node.get('alias') or node['name']}"


def table_of(expression: exp.Table) -> str:
    """Return `<schema>.<name>` of a table in a parsed query."""
    return f"{expression.db}.{expression.name}"


def as_schema(columns: Columns) -> Schema:
    """Return the tables as sqlglot wants them; made for each query, that is half of its time."""
    schema: dict[str, dict[str, Mapping[str, str]]] = {}
    for table, types in columns.items():
        folder, name = table.split(".")
        schema.setdefault(folder, {})[name] = types
    return ensure_schema({"productops": schema}, dialect="duckdb")


def qualified(sql: str, schema: Schema) -> exp.Expr:
    """Return a query in which each column names its table, and each table its schema."""
    return qualify(
        parse_one(sql, dialect="duckdb"),
        schema=schema,
        dialect="duckdb",
        catalog="productops",
        validate_qualify_columns=False,
    )


def column_dependencies(sql: str, schema: Schema) -> Dependencies:
    """Return the columns of tables that each column of a query is made of.

    The query is qualified once and each column of each of its parts followed once: dagster-dbt's
    own helper parses anew for each column, and sqlglot's `lineage` walks every path, of which a
    column that is weighed over several windows has more than can be walked.
    """
    query = qualified(sql, schema)
    if not isinstance(query, exp.Query):
        return {}
    scope = build_scope(query)
    if scope is None:
        return {}
    known: dict[tuple[int, str], set[tuple[str, str]]] = {}
    return {column: sorted(_origins(scope, column, known)) for column in query.named_selects}


def _origins(
    scope: Scope, column: str, known: dict[tuple[int, str], set[tuple[str, str]]]
) -> set[tuple[str, str]]:
    """The table columns behind a column of a query, each step of the way asked for once."""
    key = (id(scope), column)
    if key in known:
        return known[key]
    # A query that reads itself adds nothing that its beginning does not have.
    known[key] = set()
    found: set[tuple[str, str]] = set()
    query = scope.expression
    if isinstance(query, exp.SetOperation):
        position = query.named_selects.index(column)
        for part in scope.set_operation_scopes:
            assert isinstance(part.expression, exp.Query)
            found |= _origins(part, part.expression.named_selects[position], known)
    elif isinstance(query, exp.Select):
        sources = _sources(scope)
        for item in query.selects:
            if item.alias_or_name != column:
                continue
            for each in item.find_all(exp.Column):
                source = sources.get(each.table)
                if isinstance(source, Scope):
                    found |= _origins(source, each.name, known)
                elif isinstance(source, exp.Table):
                    found.add((table_of(source), each.name))
    known[key] = found
    return found


def _sources(scope: Scope) -> dict[str, Any]:
    """What a query reads by the names it gives, and what the subqueries among its columns read."""
    sources: dict[str, Any] = {}
    for inner in scope.subquery_scopes:
        sources |= _sources(inner)
    return sources | scope.sources


def project_dependencies(
    nodes: Iterable[Mapping[str, Any]], target: Path, columns: Columns
) -> dict[str, Dependencies]:
    """Return each model's dependencies by its unique id, from the models compiled in `target`."""
    models: dict[str, Dependencies] = {}
    schema = as_schema(columns)
    for node in nodes:
        if node["language"] != "sql":
            continue
        compiled = target / "compiled" / node["package_name"] / node["original_file_path"]
        try:
            models[node["unique_id"]] = column_dependencies(compiled.read_text(), schema)
        except (OSError, SqlglotError) as error:
            logger.warning("%s has no column lineage: %s", node["name"], str(error).split("\n")[0])
    return models


def as_metadata(
    dependencies: Dependencies, keys: Mapping[str, dg.AssetKey]
) -> dg.TableColumnLineage:
    """Return dependencies as Dagster shows them; `keys` are asset keys by `schema.table`."""
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=keys[table], column_name=name)
                for table, name in sources
                if table in keys
            ]
            for column, sources in dependencies.items()
        }
    )
