"""Every cell that readers see leads to the vendors' rows behind it, and they lead back to it."""

import json
import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import duckdb
import pytest

from governance.__main__ import main
from governance.provenance import Rewriter
from governance.trace import Tracer, UntraceableError
from orchestration.kept import last_kept
from tests.conftest import Job

SEED = 20260701
CELLS = 40
MANY_CELLS = 200
# Of each table where every row would be a minute.
ROWS = 6


@pytest.fixture(scope="module")
def tracer(built: Job) -> Iterator[Tracer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRODUCTOPS_DATA", str(built.data))
        with closing(Tracer()) as opened:
            yield opened


def rows_of(job: Job, table: str) -> list[dict[str, str]]:
    """Every row as text, nulls empty: what a person would type as its key."""
    with duckdb.connect(str(job.published), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        cursor = connection.execute(f"from {table} order by all")
        names = [column[0] for column in cursor.description or ()]
        return [
            {n: "" if v is None else str(v) for n, v in zip(names, row, strict=True)}
            for row in cursor.fetchall()
        ]


def marts_of(job: Job) -> list[str]:
    return [
        name
        for (name,) in job.query(
            "select schema_name || '.' || table_name from duckdb_tables()"
            " where schema_name <> 'ops' order by 1"
        )
    ]


@pytest.mark.parametrize("cells", [CELLS, pytest.param(MANY_CELLS, marks=pytest.mark.long)])
def test_cells_of_every_mart_are_proven(built: Job, tracer: Tracer, cells: int) -> None:
    chance = random.Random(SEED)
    # Some tables need more months than this company has.
    marts = [table for table in marts_of(built) if rows_of(built, table)]
    for number in range(cells):
        table = marts[number % len(marts)]
        key = chance.choice(rows_of(built, table))
        column = chance.choice(sorted(key))
        trace = tracer.trace(table, key, column)
        assert trace.is_proven, (SEED, table, key, column, trace.published, trace.replayed)
        assert all(each[1] for each in tracer_packages(trace)), trace.packages


def tracer_packages(trace: Any) -> list[tuple[str, bool]]:
    """Each row's load package and whether the vendor's list of packages knows it."""
    known = {package["load_id"] for package in trace.packages}
    return [
        (row["_dlt_load_id"], row["_dlt_load_id"] in known)
        for source in trace.rows
        for row in (*source.measured, *source.context)
    ]


def test_a_count_measures_as_many_events(built: Job, tracer: Tracer) -> None:
    for key in rows_of(built, "product.daily_active_people")[:ROWS]:
        trace = tracer.trace("product.daily_active_people", key, "event_count")
        [events] = [each for each in trace.rows if each.table == "posthog.events"]
        assert len(events.measured) == trace.published


def test_a_sum_over_time_measures_the_value_in_force(built: Job, tracer: Tracer) -> None:
    key = next(row for row in rows_of(built, "sales.pipeline_daily") if row["amount_usd"])
    trace = tracer.trace("sales.pipeline_daily", key, "amount_usd")
    measured = {each.table: each.measured for each in trace.rows if each.measured}
    assert [row["property"] for row in measured.pop("hubspot.deal_property_history")] == ["amount"]
    assert not measured


def test_rows_that_only_bound_the_calendar_are_not_counted(built: Job, tracer: Tracer) -> None:
    for key in rows_of(built, "sales.pipeline_monthly")[:ROWS]:
        assert tracer.trace("sales.pipeline_monthly", key, "worked_count").is_proven, key


def test_without_one_of_its_rows_a_cell_is_not_proven(
    built: Job, tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Tracer._walk

    def lossy(*arguments: Any) -> Any:
        why, measured = whole(*arguments)
        why["posthog.events"].remove(min(measured["posthog.events"]))
        return why, measured

    key = rows_of(built, "product.daily_active_people")[0]
    assert tracer.trace("product.daily_active_people", key, "event_count").is_proven
    monkeypatch.setattr(Tracer, "_walk", lossy)
    assert not tracer.trace("product.daily_active_people", key, "event_count").is_proven


def test_the_rows_agree_with_the_column_lineage_that_dagster_shows(
    built: Job, tracer: Tracer
) -> None:
    """Text that is shown comes from a raw column that the lineage names, in a row of the trace."""
    seen = 0
    for table, column in (
        ("sales.deals", "deal_name"),
        ("sales.pipeline_daily", "amount_usd"),
        ("research.survey_responses", "score"),
        ("core.accounts", "industry"),
        ("marketing.signups", "utm_source"),
    ):
        for key in rows_of(built, table)[-ROWS:]:
            trace = tracer.trace(table, key, column)
            if trace.published is None:
                continue
            seen += 1
            measured = {each.table for each in trace.rows if each.measured}
            named = {each.table for each in trace.rows if each.columns}
            assert measured & named, (table, column, key)
            held = [
                tracer._held.execute(
                    f"select {', '.join(each.columns)} from held.{each.table}"
                    f" where {' and '.join(f'{name} = ?' for name in row)}",
                    list(row.values()),
                ).fetchall()
                for each in trace.rows
                if each.columns
                for row in (*each.measured, *each.context)
            ]
            value = str(trace.published).removesuffix(".0").removesuffix(".00")
            assert value.lower() in str(held).lower(), (table, column, key)
    assert seen > 10


@pytest.mark.parametrize(
    ("table", "key", "column", "words"),
    [
        ("core.account", {}, "domain", "no published table"),
        ("core.accounts", {}, "domains", "has no column 'domains'"),
        ("core.accounts", {"id": "1"}, "domain", "has no column 'id'"),
        ("core.accounts", {"account_id": "nobody"}, "domain", "0 rows with account_id=nobody"),
        ("core.accounts", {}, "domain", "make a row unique"),
    ],
)
def test_what_cannot_be_traced_is_named(
    tracer: Tracer, table: str, key: dict[str, str], column: str, words: str
) -> None:
    with pytest.raises(UntraceableError, match=words):
        tracer.trace(table, key, column)


def test_the_command_prints_rows_packages_run_and_proof(
    built: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRODUCTOPS_DATA", str(built.data))
    [(deal, run_id, git_sha)] = built.query(
        "select min(deal_id), any_value(run_id), any_value(git_sha)"
        " from sales.deals cross join ops.publications"
    )
    asked = ["trace", "sales.deals", "--key", f"deal_id={deal}", "--column", "deal_name"]
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert f"id {deal}, _dlt_load_id" in said
    assert run_id in said
    assert git_sha in said
    assert "give the same value" in said
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_proven"]
    assert main([*asked[:3], "deal_id=0", *asked[4:]]) == 2


TYPES = {
    "raw.sales": {"id": "BIGINT", "shop": "VARCHAR", "amount": "BIGINT"},
    "raw.shops": {"shop": "VARCHAR", "country": "VARCHAR"},
}


@pytest.fixture
def shops() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as held; create schema held.raw")
        connection.execute(
            "create table held.raw.sales as from (values (1, 'a', 5), (2, 'a', 7), (3, 'b', 9),"
            " (4, 'c', 5)) as sales(id, shop, amount)"
        )
        connection.execute(
            "create table held.raw.shops as"
            " from (values ('a', 'AT'), ('b', 'DE'), ('d', 'DE')) as shops(shop, country)"
        )
        yield connection


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("select id from productops.raw.sales where amount = 5", {(1,): "s0", (4,): "s3"}),
        ("select sum(amount) as s from productops.raw.sales", {(26,): "s0 s1 s2 s3"}),
        ("select max(amount) as s from productops.raw.sales", {(9,): "s2"}),
        (
            "select sales.id, shops.country from productops.raw.sales as sales"
            " left join productops.raw.shops as shops on sales.shop = shops.shop",
            {(1, "AT"): "s0 h0", (2, "AT"): "s1 h0", (3, "DE"): "s2 h1", (4, None): "s3"},
        ),
        (
            "with ranked as (select *, row_number() over (partition by shop order by amount desc)"
            " as place from productops.raw.sales) select id from ranked where place = 1",
            {(2,): "s1", (3,): "s2", (4,): "s3"},
        ),
        (
            "select id, row_number() over (partition by shop order by amount) as place"
            " from productops.raw.sales",
            {(1, 1): "s0", (2, 2): "s0 s1", (3, 1): "s2", (4, 1): "s3"},
        ),
        (
            "select id, lead(id) over (order by id) as next from productops.raw.sales",
            {(1, 2): "s0 s1", (2, 3): "s1 s2", (3, 4): "s2 s3", (4, None): "s3"},
        ),
        ("select distinct country from productops.raw.shops", {("AT",): "h0", ("DE",): "h1"}),
        (
            "select shop from productops.raw.sales union select shop from productops.raw.shops",
            {("a",): "s0", ("b",): "s2", ("c",): "s3", ("d",): "h2"},
        ),
        (
            "select id from productops.raw.sales"
            " where shop in (select shop from productops.raw.shops where country = 'DE')",
            {(3,): "s2 h1 h2"},
        ),
        (
            "select id from productops.raw.sales"
            " where shop not in (select shop from productops.raw.shops)",
            {(4,): "s3"},
        ),
        (
            "select id + (select count(*) from productops.raw.shops) as n"
            " from productops.raw.sales where id = 1",
            {(4,): "s0 h0 h1 h2"},
        ),
    ],
)
def test_a_row_is_there_because_of(
    shops: duckdb.DuckDBPyConnection, sql: str, why: dict[tuple, str]
) -> None:
    rewriter = Rewriter(TYPES, {})
    letters = {"raw.sales": "s", "raw.shops": "h"}
    found = {}
    for *row, numbers, _ in shops.execute(rewriter.rewritten(sql)).fetchall():
        places = {(rewriter.tables[each >> 44], each & ((1 << 44) - 1)) for each in numbers}
        ordered = sorted(places, key=lambda each: ("sh".index(letters[each[0]]), each[1]))
        found[tuple(row)] = " ".join(f"{letters[table]}{number}" for table, number in ordered)
    assert found == why


def test_what_is_measured_is_what_the_query_is_from(shops: duckdb.DuckDBPyConnection) -> None:
    sql = (
        "select shops.country, sum(sales.amount) as total from productops.raw.sales as sales"
        " join productops.raw.shops as shops on sales.shop = shops.shop group by shops.country"
    )
    rewriter = Rewriter(TYPES, {})

    def measured(column: str | None) -> set[str]:
        rows = shops.execute(rewriter.rewritten(sql, column)).fetchall()
        return {rewriter.tables[number >> 44] for row in rows for number in row[-1]}

    assert measured("total") == {"raw.sales"}
    assert measured("country") == {"raw.shops"}
    assert measured(None) == {"raw.sales"}


def test_a_view_is_looked_through(shops: duckdb.DuckDBPyConnection) -> None:
    types = {**TYPES, "staging.big": {"id": "BIGINT"}}
    views = {"staging.big": "select id from productops.raw.sales where amount > 6"}
    rewriter = Rewriter(types, views)
    [(count, why, _)] = shops.execute(
        rewriter.rewritten("select count(*) as n from productops.staging.big")
    ).fetchall()
    assert count == len(set(why)) == 2


def test_no_published_number_is_left_out(built: Job, tracer: Tracer) -> None:
    assert set(marts_of(built)) <= set(tracer._models)
    assert last_kept("compiled_whole").keys() == tracer._models.keys()
