"""Which rows of the tables below gave a row of a model: the model's own SQL, rewritten to tell.

Every relation of the rewritten query carries two lists of row numbers. `_p` is why a row is there
and what it says: the rows that were joined, grouped or ranked into it. `_m` is the part of it that
was counted, summed or shown: followed through the relation that a query is `from`, not through
what it joins for names and filters. Rows that a query only found missing (an anti-join, `not in`)
are not among them. (Why-provenance, as in Buneman, Khanna and Tan, "Why and Where", 2001.)
"""

from collections.abc import Mapping, Sequence

from sqlglot import exp

from orchestration.lineage import Columns, as_schema, qualified

# A row's number and the position of its table in one integer; DuckDB's own rows stay below 2^44.
TABLE_SHIFT = 44
WHY, MEASURED = "_p", "_m"
EMPTY = "cast([] as bigint[])"
# Held tables of the models below, by position; a view is looked through.
CATALOG = "held"


class Rewriter:
    """Rewrites queries over the given tables; views among them are replaced by their query."""

    def __init__(self, types: Columns, views: Mapping[str, str]) -> None:
        self.tables = sorted(set(types) - set(views))
        self._positions = {name: position for position, name in enumerate(self.tables)}
        self._views = views
        self._schema = as_schema(types)

    def rewritten(self, sql: str, column: str | None = None) -> str:
        """Return the query with `_p` and `_m`; the latter for one column, else for whole rows."""
        return self._annotated(self._qualified(sql), column).sql(dialect="duckdb")

    def _qualified(self, sql: str) -> exp.Query:
        query = qualified(sql, self._schema)
        assert isinstance(query, exp.Query), sql
        return query

    def _annotated(self, query: exp.Query, column: str | None = None) -> exp.Query:
        for cte in query.ctes:
            cte.set("this", self._annotated(cte.this))
        if isinstance(query, exp.SetOperation):
            return self._united(query, column)
        assert isinstance(query, exp.Select), query
        first_only = _compared_with_one(query)
        why, measured = self._combined(query, column)
        names = query.named_selects
        is_distinct = query.args.pop("distinct", None) is not None
        if _is_grouped(query):
            why, measured = _gathered(query, why), _gathered(query, measured)
        why = " || ".join([why, *_ranked_before(query, why, first_only)])
        # Each once: windows over windows would name a row more often than can be counted.
        query.select(
            f"list_distinct({why}) as {WHY}",
            f"list_distinct({measured}) as {MEASURED}",
            copy=False,
            dialect="duckdb",
        )
        return _witnessed(query, names) if is_distinct else query

    def _united(self, query: exp.SetOperation, column: str | None) -> exp.Query:
        names = query.named_selects
        for side in ("this", "expression"):
            part = query.args[side]
            inner = part.this if isinstance(part, exp.Subquery) else part
            # Columns are matched by position, and the first part names them.
            at = names.index(column) if column else None
            here = inner.named_selects[at] if at is not None else None
            inner.replace(self._annotated(inner.copy(), here))
        if not query.args.get("distinct"):
            return query
        query.set("distinct", False)
        return _witnessed(query, names)

    def _combined(self, query: exp.Select, column: str | None) -> tuple[str, str]:
        """The row numbers of all that one joined row is made of, and of what is measured."""
        found: dict[str, tuple[str, str]] = {}
        relations = [query.args["from_"].this] if query.args.get("from_") else []
        relations += [join.this for join in query.args.get("joins") or ()]
        for relation in relations:
            found[relation.alias_or_name] = self._numbers(relation)
        why = [numbers for numbers, _ in found.values()]
        why += self._of_subqueries(query)
        if not relations:
            return (" || ".join(why) or EMPTY,) * 2
        wanted = [relations[0].alias_or_name]
        if column:
            [asked] = [each for each in query.selects if each.alias_or_name == column]
            named = {each.table for each in asked.find_all(exp.Column)} & found.keys()
            is_aggregate = asked.find(exp.AggFunc) is not None
            wanted = sorted(named | set(wanted if is_aggregate or not named else ()))
        return " || ".join(why), " || ".join(found[name][1] for name in wanted)

    def _numbers(self, relation: exp.Expression) -> tuple[str, str]:
        alias = exp.to_identifier(relation.alias_or_name, quoted=True).sql(dialect="duckdb")
        if isinstance(relation, exp.Table) and relation.db:
            name = f"{relation.db}.{relation.name}"
            if name not in self._views:
                relation.set("catalog", exp.to_identifier(CATALOG, quoted=True))
                offset = self._positions[name] << TABLE_SHIFT
                # Null where a left join found nothing.
                number = f"{alias}.rowid"
                rows = f"case when {number} is null then {EMPTY} else [{number} + {offset}] end"
                return rows, rows
            inner = self._annotated(self._qualified(self._views[name]))
            relation.replace(exp.Subquery(this=inner, alias=exp.TableAlias(this=alias)))
        elif isinstance(relation, exp.Subquery):
            inner = relation.this
            if isinstance(inner, exp.Query):
                inner.replace(self._annotated(inner.copy()))
        elif not isinstance(relation, exp.Table):
            return EMPTY, EMPTY  # unnest and its like read no table
        return f"coalesce({alias}.{WHY}, {EMPTY})", f"coalesce({alias}.{MEASURED}, {EMPTY})"

    def _of_subqueries(self, query: exp.Select) -> list[str]:
        """The row numbers behind subqueries that give a value or a list of them."""
        numbers = []
        places = [*query.selects, query.args.get("where"), query.args.get("qualify")]
        for subquery in [each for place in places if place for each in _subqueries(place)]:
            if not _finds_missing(subquery):
                inner = self._annotated(subquery.this.copy()).sql(dialect="duckdb")
                numbers.append(
                    f"coalesce((select flatten(list(q.{WHY})) from ({inner}) as q), {EMPTY})"
                )
            for table in list(subquery.find_all(exp.Table)):
                self._hold(table)
        return numbers

    def _hold(self, table: exp.Table) -> None:
        name = f"{table.db}.{table.name}"
        if name in self._views:
            inner = self._qualified(self._views[name])
            for below in list(inner.find_all(exp.Table)):
                self._hold(below)
            alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name, quoted=True))
            table.replace(exp.Subquery(this=inner, alias=alias))
        elif table.db:
            table.set("catalog", exp.to_identifier(CATALOG, quoted=True))


def _subqueries(place: exp.Expr) -> list[exp.Expr]:
    kinds = (exp.Subquery, exp.Exists)
    return [
        each
        for each in place.walk(prune=lambda node: isinstance(node, kinds))
        if isinstance(each, kinds)
    ]


def _finds_missing(subquery: exp.Expr) -> bool:
    parent = subquery.parent
    return isinstance(parent.parent if isinstance(parent, exp.In) else parent, exp.Not)


def _aggregates(query: exp.Select) -> list[exp.AggFunc]:
    """Aggregates over groups, and not those over windows."""
    places = [*query.selects, query.args.get("having"), query.args.get("qualify")]
    return [
        each
        for place in places
        if place
        for each in place.find_all(exp.AggFunc)
        if not _is_windowed(each)
        and not isinstance(each, (exp.RowNumber, exp.Rank, exp.Lead, exp.Lag))
        and each.find_ancestor(exp.Query) is query
    ]


def _is_windowed(function: exp.AggFunc) -> bool:
    """Whether a function is over a window itself, and not within what a window is made of."""
    node: exp.Expr = function
    if isinstance(node.parent, (exp.IgnoreNulls, exp.RespectNulls)):
        node = node.parent
    return isinstance(node.parent, exp.Window) and node.arg_key == "this"


def _is_grouped(query: exp.Select) -> bool:
    return bool(query.args.get("group") or _aggregates(query))


def _gathered(query: exp.Select, numbers: str) -> str:
    """The row numbers behind a group: of its smallest and greatest rows if it asks for no more."""
    aggregates = _aggregates(query)
    if not aggregates:
        return f"min({numbers})"  # any one row makes the group
    if all(isinstance(each, (exp.Min, exp.Max)) for each in aggregates):
        witnesses = [
            f"coalesce(arg_{each.key}({numbers}, {each.this.sql(dialect='duckdb')}),"
            f" any_value({numbers}), {EMPTY})"
            for each in aggregates
        ]
        return " || ".join(witnesses)
    return f"coalesce(flatten(list({numbers})), {EMPTY})"


def _compared_with_one(query: exp.Select) -> set[str]:
    """Names used as `name = 1` in the whole statement and nowhere else: the first of a ranking."""
    uses: dict[str, list[bool]] = {}
    for column in query.root().find_all(exp.Column):
        is_first = isinstance(column.parent, exp.EQ) and column.parent.expression.name == "1"
        # Handing a column on under its own name decides nothing.
        is_handed_on = isinstance(column.parent, exp.Alias) and column.parent.alias == column.name
        if not is_handed_on:
            uses.setdefault(column.name, []).append(is_first)
    return {name for name, firsts in uses.items() if all(firsts)}


def _ranked_before(query: exp.Select, numbers: str, first_only: set[str]) -> list[str]:
    """The row numbers of what a row was compared with in a window, as far as it mattered."""
    found = []
    places = [*query.selects, query.args.get("qualify")]
    for place in (each for each in places if each):
        for window in place.find_all(exp.Window):
            if isinstance(window.this, exp.RowNumber) and place.alias_or_name in first_only:
                continue
            frame = window.args.get("spec")
            text = " ".join(
                [
                    _clause("partition by", window.args.get("partition_by")),
                    window.args["order"].sql(dialect="duckdb") if window.args.get("order") else "",
                    frame.sql(dialect="duckdb") if frame else _frame(window),
                ]
            )
            found.append(f"coalesce(flatten(list({numbers}) over ({text})), {EMPTY})")
    return found


def _clause(words: str, expressions: Sequence[exp.Expression] | None) -> str:
    listed = ", ".join(each.sql(dialect="duckdb") for each in expressions or ())
    return f"{words} {listed}" if listed else ""


def _frame(window: exp.Window) -> str:
    if isinstance(window.this, exp.Lead):
        return "rows between current row and 1 following"
    return "rows between unbounded preceding and current row" if window.args.get("order") else ""


def _witnessed(query: exp.Query, names: Sequence[str]) -> exp.Select:
    """Equal rows made one: any one of them is why it is there."""
    columns = [exp.column(name, "each", quoted=True) for name in names]
    inner = exp.Subquery(this=query.copy(), alias=exp.TableAlias(this=exp.to_identifier("each")))
    outer = exp.select(*(exp.alias_(column, column.name, quoted=True) for column in columns))
    outer = outer.select(
        f"min(each.{WHY}) as {WHY}", f"arg_min(each.{MEASURED}, each.{WHY}) as {MEASURED}"
    )
    return outer.from_(inner).group_by(*columns)
