"""Sessions are the same of a table in order, by whatever name, and beside rows without a time."""

from pathlib import Path

import duckdb
import pytest

from tests.conformance.__main__ import PROJECT, run_dbt, scratch

PARTS = "sorted_parts=[\"person_id < 'p3'\", \"person_id >= 'p3'\"]"
ASKED = {
    "uncapped": "{{ sessions('main.shuffled', cap_hours=none) }}",
    "uncapped_parts": f"{{{{ sessions('main.events', cap_hours=none, {PARTS}) }}}}",
    "capped": "{{ sessions('main.shuffled', cap_hours=2) }}",
    "capped_parts": f"{{{{ sessions('main.events', cap_hours=2, {PARTS}) }}}}",
    "counted": "{{ sessions('main.shuffled', counts={'odd': 'event_id % 2 = 1'}) }}",
    "counted_parts": "{{ sessions('main.events', counts={'odd': 'event_id % 2 = 1'},"
    f" {PARTS}) }}}}",
    "capped_named": "with session_of as (from main.shuffled), ordered as (from session_of),"
    " placed as (from ordered) select * from ({{ sessions('placed', cap_hours=2) }}) as s",
    "capped_timeless": "{{ sessions('(select * from main.shuffled union all select person_id,"
    " null, event_id from main.shuffled) as e', cap_hours=2) }}",
    "capped_numbered": "select person_id as unit, cast(session_started_at as varchar) as key,"
    " session_started_at as started_at, max(occurred_at) as ended_at,"
    " (epoch_us(max(occurred_at)) - epoch_us(session_started_at)) / 1e6 as duration_seconds,"
    " count(*) as event_count from ({{ sessionised('main.shuffled', cap_hours=2) }}) as s"
    " group by person_id, session_number, session_started_at",
    "misplaced_people": "{{ sessions('(select * from main.events order by person_id desc,"
    " occurred_at) as e', sorted_parts=['true']) }}",
    "misplaced_times": "{{ sessions('(select * from main.events order by person_id,"
    " occurred_at desc) as e', sorted_parts=['true']) }}",
}
# Seven people, four thousand minutes: gaps of over half an hour and spells of over two hours occur.
EVENTS = """
create or replace table shuffled as
select
    case when hash(i) % 20 > 0 then 'p' || hash(i, 1) % 7 end as person_id,
    timestamp '2026-01-01' + to_minutes(cast(hash(i, ?) % 4000 as integer)) as occurred_at,
    i as event_id
from range(1500) as numbers(i)
order by hash(i, 2);
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sorted-parts")
    database = scratch(folder, ASKED, PROJECT / "macros")
    with duckdb.connect(str(database)) as connection:
        _fill(connection, 0)
    assert not run_dbt(folder)
    return database


def _fill(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    connection.execute(EVENTS, [seed])
    connection.execute(
        "create or replace table events as from shuffled order by person_id, occurred_at, event_id"
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "name",
    [
        "uncapped_parts",
        "capped_parts",
        "counted_parts",
        "capped_named",
        "capped_timeless",
        "capped_numbered",
    ],
)
def test_sessions_are_the_same(asked: Path, name: str, seed: int) -> None:
    with duckdb.connect(str(asked)) as connection:
        _fill(connection, seed)
        plain = name.split("_")[0]
        answer = connection.execute(f"from answers.{plain} order by all").fetchall()
        assert len(answer) > 30
        assert connection.execute(f"from answers.{name} order by all").fetchall() == answer


def test_the_cap_cuts_some(asked: Path) -> None:
    with duckdb.connect(str(asked)) as connection:
        _fill(connection, 0)
        uncapped, capped = (
            len(connection.execute(f"from answers.{name}").fetchall())
            for name in ("uncapped", "capped")
        )
        assert capped > uncapped


@pytest.mark.parametrize("name", ["misplaced_people", "misplaced_times"])
def test_rows_out_of_order_are_named(asked: Path, name: str) -> None:
    with (
        duckdb.connect(str(asked)) as connection,
        pytest.raises(duckdb.Error, match="do not lie in order of person_id and occurred_at"),
    ):
        connection.execute(f"from answers.{name}").fetchall()
