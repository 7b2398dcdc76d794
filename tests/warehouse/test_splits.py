"""However the same rows come in and over how many nights, every table is that of one build.

Hypothesis draws the split; a failure prints it and how to replay it.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import SOURCES
from tests.conftest import Job, dbt

RAW = tuple(SOURCES)
# What decides the person and the account of an event, and may change under it.
RECORDS = {
    "posthog.persons": "distinct_id",
    "hubspot.contacts": "id",
    "hubspot.companies": "id",
}
# What the last night touched: of one build of everything that is all days.
OF_THE_NIGHT = ("int_arrived_days", "int_changed_days", "int_changed_weeks")
# One person in so many: 300,000 events would be sorted for every night of every example.
SAMPLE = 20


@dataclass(frozen=True)
class Split:
    """A split of all rows over nights: which row comes when follows from the `salt`."""

    nights: int
    salt: int
    # Of a hundred events, how many are delivered a second time.
    duplicates: int
    # Of a hundred records, how many are something else before they are what they end as.
    changes: int


SPLITS = st.builds(
    Split,
    nights=st.integers(2, 4),
    salt=st.integers(0, 10**6),
    duplicates=st.integers(0, 30),
    changes=st.integers(0, 50),
)


class World:
    """The rows of a company, and a warehouse for each way in which they arrive."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder = folder
        # All are built under one name: where the warehouse lies is a part of what dbt has parsed,
        # and parsing all anew takes a third of a build (14 of 40 s).
        self.warehouse = folder / "productops.duckdb"
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute(f"attach '{source}' as source (read_only)")
            for schema, table in connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'source'"
                f" and schema_name in {RAW}"
            ).fetchall():
                connection.execute(f"create schema if not exists {schema}")
                connection.execute(f"create table {schema}.{table} as from source.{schema}.{table}")
            connection.execute(
                f"""
                delete from posthog.events
                where distinct_id not in (
                    select distinct_id
                    from (select distinct distinct_id from posthog.events) as ids
                    left join (
                        select distinct_id, arg_max(person_id, person_distinct_id_version) as person
                        from posthog.persons
                        group by distinct_id
                    ) as persons using (distinct_id)
                    where hash(coalesce(person, distinct_id)) % {SAMPLE} = 0
                )
                """
            )
        dbt(self.warehouse, "seed")
        self.rows = self.warehouse.rename(folder / "rows.duckdb")

    def built(self, split: Split, nights: list[int]) -> Path:
        """Build after each of these nights, each with all that had arrived by then."""
        shutil.copy(self.rows, self.warehouse)
        for position, night in enumerate(nights):
            with duckdb.connect(str(self.warehouse)) as connection:
                self._arrive(connection, split, night)
            dbt(self.warehouse, "run", *(["--full-refresh"] if position == 0 else []))
        return self.warehouse.rename(self.folder / f"{'-'.join(map(str, nights))}.duckdb")

    def _arrive(self, connection: duckdb.DuckDBPyConnection, split: Split, night: int) -> None:
        """Leave the raw tables as they are after a night."""
        connection.execute(f"attach '{self.rows}' as world (read_only)")

        def chance(key: str, salt: str, sides: int) -> str:
            return f"(hash({key} || '{salt} {split.salt}') % {sides})"

        # The order of rows in a table is no fact either.
        arrival = (
            "timestamptz '2026-06-01' + to_days(cast(night as int)) + to_seconds(cast({} as int))"
        )
        at = arrival.format(chance("uuid", "second", 86_000))
        connection.execute(
            f"""
            create or replace table posthog.events as
            with deliveries as (
                select *, 1 + {chance("uuid", "night", split.nights)} as night
                from world.posthog.events
                union all
                select *, 1 + {chance("uuid", "again", split.nights)} as night
                from world.posthog.events
                where {chance("uuid", "doubled", 100)} < {split.duplicates}
            )
            select * exclude (night) replace ({at} as _inserted_at)
            from deliveries
            where night <= {night}
            order by {chance("uuid", f"place {night}", 10**9)}
            """
        )
        connection.execute(
            f"""
            create or replace table posthog.exports as
            select
                exports.* replace (
                    exports.model || night as run_id,
                    {arrival.format(0)} as interval_start,
                    {arrival.format(86_400)} as interval_end,
                    {arrival.format(86_400)} as exported_at
                )
            from (select distinct on (model) * from world.posthog.exports) as exports
            cross join range(1, {night} + 1) as nights(night)
            """
        )
        for table, key in RECORDS.items():
            # Until its night a changed record has the properties, and the person, of another one.
            other = {"posthog.persons": "person_id"}.get(table, "properties")
            connection.execute(
                f"""
                create or replace table {table} as
                with records as (
                    select
                        *,
                        1 + {chance(key, "night", split.nights)} as night,
                        {chance(key, "changed", 100)} < {split.changes} as is_changed,
                        lag({other}) over (order by {chance(key, "other", 10**9)}, {key}) as other
                    from world.{table}
                )
                select * exclude (night, is_changed, other) replace (
                    case
                        when is_changed and night > {night} then coalesce(other, {other})
                        else {other}
                    end as {other}
                )
                from records
                where is_changed or night <= {night}
                """
            )
        connection.execute("detach world")


def differences(one: Path, other: Path) -> dict[str, tuple[int, int]]:
    """Return how many rows only one of two warehouses has, by table that dbt builds."""
    found = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one}' as one (read_only)")
        connection.execute(f"attach '{other}' as other (read_only)")
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'one'"
            f" and schema_name not in {(*RAW, 'seeds')} and table_name not in {OF_THE_NIGHT}"
        ).fetchall():
            counts = [
                connection.execute(
                    f"select count(*) from (from {a}.{schema}.{table} except all"
                    f" from {b}.{schema}.{table})"
                ).fetchall()[0][0]
                for a, b in (("one", "other"), ("other", "one"))
            ]
            if any(counts):
                found[f"{schema}.{table}"] = (counts[0], counts[1])
    return found


@pytest.fixture(scope="module")
def world(built_lite: Job, tmp_path_factory: pytest.TempPathFactory) -> World:
    warehouse = built_lite.data / "warehouse" / "productops.duckdb"
    return World(warehouse, tmp_path_factory.mktemp("splits"))


@pytest.mark.long
@given(split=SPLITS)
def test_any_split_into_nights_builds_the_same_tables(world: World, split: Split) -> None:
    nights = list(range(1, split.nights + 1))
    over_nights = world.built(split, nights)
    at_once = world.built(split, nights[-1:])
    assert differences(over_nights, at_once) == {}
