"""Why a number moved: the causes are told apart, and they add up to the whole."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.explain import CAUSES
from orchestration.metrics import Metric, metrics
from orchestration.publish import Publication, publish

READ = datetime(2026, 6, 29, 2, tzinfo=UTC)
LATER = datetime(2026, 6, 30, 2, tzinfo=UTC)
USES = Metric("uses", "product.use", "use_id", "coalesce(uses, 0)", "day", "day", "arrived_at")
DEALS = Metric("deals", "sales.deals", "deal_id", "coalesce(amount, 0)", "created_at", "moment")
YESTERDAY = {
    "product.use": [
        ("ada 27", 3, "2026-06-27", "2026-06-27 12:00"),
        ("ada 28", 2, "2026-06-28", "2026-06-28 12:00"),
        # The day was running when it was read.
        ("ada 29", 1, "2026-06-29", "2026-06-29 01:00"),
        ("bob 28", 5, "2026-06-28", "2026-06-28 12:00"),
    ],
    "sales.deals": [("d1", 100, "2026-06-01"), ("d2", 50, "2026-06-02")],
}
COLUMNS = {
    "product.use": "use_id varchar, uses int, day date, arrived_at timestamp",
    "sales.deals": "deal_id varchar, amount decimal(18, 2), created_at timestamp",
}


def build(path: Path, tables: dict[str, list[tuple]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        for table, rows in tables.items():
            connection.execute(f"create schema {table.split('.')[0]}")
            connection.execute(f"create table {table} ({COLUMNS[table]})")
            if rows:
                places = ", ".join("?" * len(rows[0]))
                connection.executemany(f"insert into {table} values ({places})", rows)
    return path


class Readers:
    """A serving folder and what its newest publication says of its changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(
        self,
        tables: dict[str, list[tuple]],
        *listed: Metric,
        read_at: datetime = LATER,
        models: str = "one",
        rebuilt: bool = False,
    ) -> None:
        about = Publication(
            git_sha="abc",
            run_id="run",
            started_at=READ,
            metrics=listed or (USES, DEALS),
            data_as_of=read_at,
            models_version=models,
            rebuilt=rebuilt,
        )
        build_file = build(self._folder / "build" / "productops.duckdb", tables)
        publish(build_file, self._folder / "serving", publication=about)

    def ask(self, sql: str) -> list[tuple]:
        path = self._folder / "serving" / "current" / "productops.duckdb"
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def changes(self, metric: str) -> dict[str, Decimal]:
        """The causes of the newest publication, after seeing that they add up."""
        rows = self.ask(
            "select cause, amount from ops.publication_changes where publication_id ="
            " (select max(publication_id) from ops.publications)"
            f" and metric = '{metric}'"
        )
        totals = self.ask(
            "select total from ops.publication_metrics"
            f" where metric = '{metric}' order by publication_id desc limit 2"
        )
        after, before = [total for (total,) in [*totals, (Decimal(0),)][:2]]
        assert sum(amount for _, amount in rows) == after - before
        assert {cause for cause, _ in rows} <= set(CAUSES)
        return dict(rows)


@pytest.fixture
def readers(tmp_path: Path) -> Readers:
    readers = Readers(tmp_path)
    readers.put(YESTERDAY, read_at=READ)
    return readers


def test_the_first_publication_of_a_metric_defines_it(readers: Readers) -> None:
    assert readers.ask("select count(*) from ops.publication_changes") == [(0,)]
    readers.put(YESTERDAY, USES, DEALS, replace(USES, name="more"))
    assert readers.changes("more") == {"definition": 11}
    assert readers.changes("uses") == {}


def test_new_late_and_changed_rows_are_told_apart(readers: Readers) -> None:
    readers.put(
        {
            "product.use": [
                # A late event of a day that was over.
                ("ada 27", 4, "2026-06-27", "2026-06-29 20:00"),
                # Bob turned out to be Ada: her day grew by rows that had arrived long ago.
                ("ada 28", 7, "2026-06-28", "2026-06-28 12:00"),
                ("ada 29", 9, "2026-06-29", "2026-06-29 20:00"),
                ("cyd 30", 6, "2026-06-30", "2026-06-30 01:00"),
                ("eve 20", 30, "2026-06-20", "2026-06-29 03:00"),
            ],
            "sales.deals": [
                ("d1", 80, "2026-06-01"),
                ("d3", 7, "2026-06-29 10:00"),
                ("d4", 11, "2026-06-28"),
            ],
        }
    )
    assert readers.changes("uses") == {"late data": 1 + 30, "new data": 8 + 6}
    assert readers.changes("deals") == {
        "changed source records": -20 - 50,
        "new data": 7,
        "late data": 11,
    }


def test_what_a_merge_moves_is_a_changed_record(readers: Readers) -> None:
    rows = [row for row in YESTERDAY["product.use"] if row[0] != "bob 28"]
    readers.put({**YESTERDAY, "product.use": rows})
    assert readers.changes("uses") == {"changed source records": -5}


def test_changed_models_on_the_same_data_are_code(readers: Readers) -> None:
    doubled = [(key, 2 * uses, *rest) for key, uses, *rest in YESTERDAY["product.use"]]
    readers.put({**YESTERDAY, "product.use": doubled}, read_at=READ, models="two", rebuilt=True)
    assert readers.changes("uses") == {"code": 11}


def test_models_that_could_not_be_built_alone_share_the_night_with_new_data(
    readers: Readers,
) -> None:
    rows = [(key, 2 * uses, *rest) for key, uses, *rest in YESTERDAY["product.use"]]
    readers.put({**YESTERDAY, "product.use": rows}, models="two")
    assert readers.changes("uses") == {"code": 3 + 2 + 5, "new data": 1}


def test_another_definition_is_told_from_other_rows(readers: Readers) -> None:
    rows = [*YESTERDAY["sales.deals"], ("d5", 5, "2026-06-29 20:00")]
    counted = replace(DEALS, value="case when deal_id is null then 0 else 1 end")
    readers.put({**YESTERDAY, "sales.deals": rows}, USES, counted)
    assert readers.changes("deals") == {"new data": 5, "definition": 3 - 155}


def test_a_metric_whose_columns_are_gone_is_told_as_a_whole(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        COLUMNS, "sales.deals", "deal_id varchar, usd decimal(18, 2), created_at timestamp"
    )
    readers.put(YESTERDAY, USES, replace(DEALS, value="coalesce(usd, 0) * 2"))
    assert readers.changes("deals") == {"definition": 150}


def test_causes_add_up_over_any_number_of_publications(readers: Readers) -> None:
    for night in range(3):
        rows = [("x", 10 + night, "2026-06-29", f"2026-06-30 0{night}:00")]
        readers.put({**YESTERDAY, "product.use": rows})
    [(moved, first, last)] = readers.ask(
        "select (select sum(amount) from ops.publication_changes where metric = 'uses'),"
        " arg_min(total, publication_id), arg_max(total, publication_id)"
        " from ops.publication_metrics where metric = 'uses'"
    )
    assert moved == last - first == 12 - 11


def test_the_semantic_layer_names_metrics_of_every_reader() -> None:
    listed = {metric.name: metric for metric in metrics()}
    assert {metric.mart.split(".")[0] for metric in listed.values()} >= {
        "core",
        "product",
        "sales",
        "marketing",
        "research",
    }
    assert listed["won_amount_usd"].grain == "moment"
    assert listed["feature_uses"].arrival == "last_arrived_at"
    assert Metric.defined(listed["signups"].definition) == listed["signups"]
