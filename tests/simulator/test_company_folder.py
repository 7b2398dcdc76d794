"""Anyone's exports can be the company: every form, every default, and every mistake by name."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import requests

from simulator.company import open_company
from simulator.events import open_log
from simulator.server import serving
from simulator.tables import CompanyError
from tests.simulator import small_company
from tests.simulator.small_company import HUBSPOT, POSTHOG, TYPEFORM, write_csv
from tests.simulator.test_posthog import count, parquet

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A folder with company.json and the tables given as lists of rows."""

    def make(about: dict | None = None, **tables: list[dict]) -> Path:
        folder = tmp_path / "foreign"
        folder.mkdir()
        (folder / "company.json").write_text(json.dumps(about or {"name": "Foreign"}))
        for name, rows in tables.items():
            write_csv(folder / f"{name.replace('__', '/')}.csv", rows)
        return folder

    return make


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with serving(folder, cache=folder.parent / "cache") as url:
        yield url


def opened(folder: Path) -> Any:
    return open_company(folder, folder.parent / "cache")


def test_a_company_of_one_file_is_served_and_everything_else_is_empty(write: Write) -> None:
    with served(write({"name": "Empty", "now": "2026-06-30T12:00:00Z"})) as url:
        assert parquet(url).num_rows == 0
        assert count(url, "2026-01-01") == {}
        contacts = requests.get(f"{url}/crm/objects/2026-09/contacts", headers=HUBSPOT).json()
        search = f"{url}/crm/objects/2026-09/deals/search"
        assert contacts == {"results": []}
        assert requests.post(search, json={}, headers=HUBSPOT).json() == {
            "total": 0,
            "results": [],
        }
        assert requests.get(f"{url}/forms", headers=TYPEFORM).json()["items"] == []


def test_events_need_three_columns_and_the_rest_has_defaults(write: Write) -> None:
    row = {"distinct_id": 17, "event": "opened", "timestamp": "2026-06-28 10:00:00"}
    about = {"name": "Foreign", "now": "2026-06-30T12:00:00Z"}
    with served(write(about, posthog__events=[row, row])) as url:
        first, second = parquet(url).to_pylist()
    assert first["uuid"] != second["uuid"]
    assert str(uuid.UUID(first["uuid"])) == first["uuid"]
    assert first["person_id"] == second["person_id"]
    assert first["distinct_id"] == "17"
    when = datetime(2026, 6, 28, 10, tzinfo=UTC)
    assert [first[name] for name in ("timestamp", "created_at", "_inserted_at")] == [when] * 3
    assert (first["properties"], first["person_properties"]) == ("{}", "{}")
    assert first["elements_chain"] == ""


def test_the_same_events_get_the_same_ids_every_time(write: Write, tmp_path: Path) -> None:
    folder = write(posthog__events=[{**row, "uuid": ""} for row in small_company.events()])

    def ids(cache: str) -> list[str]:
        log = open_log(folder, tmp_path / cache)
        return [u for table in log.arrived(0, 2**57) for u in table["uuid"].to_pylist()]

    assert len(set(ids("first"))) == 61
    assert ids("first") == ids("second")


def test_columns_posthog_does_not_have_become_properties(write: Write) -> None:
    row = {
        "distinct_id": "a",
        "event": "opened",
        "timestamp": "2026-06-28T10:00:00Z",
        "properties": '{"plan": "team"}',
        "seats": "5",
        "note": "",
    }
    about = {"name": "Foreign", "now": "2026-06-30T12:00:00Z"}
    with served(write(about, posthog__events=[row])) as url:
        properties = parquet(url)["properties"].to_pylist()
    assert [json.loads(text) for text in properties] == [{"plan": "team", "seats": "5"}]


def test_a_folder_of_parquet_and_csv_is_one_table(write: Write) -> None:
    folder = write({"name": "Foreign", "now": "2026-06-30T12:00:00Z"})
    parts = folder / "posthog" / "events"
    rows = small_company.events()
    write_csv(parts / "2026" / "a.csv", rows[30:])
    write_csv(parts / "b.csv", rows[:30])
    pq.write_table(pacsv.read_csv(parts / "b.csv"), parts / "b.parquet")
    (parts / "b.csv").unlink()
    with served(folder) as url:
        assert parquet(url).num_rows == len(rows)


def test_unsorted_parquet_is_sorted_once_and_served_a_stretch_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    (folder / "posthog").mkdir(parents=True)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    # Every 7,919th hour of two years, so that neighbours in the file are months apart.
    hours = [number * 7919 % 17_520 for number in range(70_000)]
    pq.write_table(
        pa.table(
            {
                "uuid": [str(uuid.UUID(int=n)) for n in range(70_000)],
                "event": ["opened"] * 70_000,
                "distinct_id": ["a"] * 70_000,
                "person_id": ["p"] * 70_000,
                "properties": ["{}"] * 70_000,
                "timestamp": [start + timedelta(hours=hour) for hour in hours],
                "inserted_at": [start + timedelta(hours=hour) for hour in hours],
            }
        ),
        folder / "posthog" / "events.parquet",
    )
    log = open_log(folder, tmp_path / "cache")
    again = open_log(folder, tmp_path / "cache")
    chunks = sorted(log.chunks, key=lambda chunk: chunk.first_arrival)
    week = 7 * 24 * 3600 * 1_000_000
    assert sum(chunk.rows for chunk in chunks) == 70_000
    assert all(a.last_arrival <= b.first_arrival for a, b in pairwise(chunks))
    assert max(chunk.last_arrival - chunk.first_arrival for chunk in chunks) < week
    assert [chunk.path for chunk in again.chunks] == [chunk.path for chunk in log.chunks]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_events_as_the_generator_writes_them_are_not_copied(tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    (folder / "posthog").mkdir(parents=True)
    when = pa.array([datetime(2026, 6, 28, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    text = {name: ["a"] for name in ("uuid", "event", "distinct_id", "person_id", "properties")}
    table = pa.table({**text, "timestamp": when, "inserted_at": when})
    pq.write_table(table, folder / "posthog" / "events.parquet")
    log = open_log(folder, tmp_path / "cache")
    assert [chunk.path for chunk in log.chunks] == [folder / "posthog" / "events.parquet"]
    assert not (tmp_path / "cache").exists()


def test_without_now_the_clock_starts_an_hour_after_the_latest_time(write: Write) -> None:
    rows = [{"id": 1, "updated_at": "2026-05-05T05:00:00Z"}, {"id": 2, "created_at": "2026-01-01"}]
    folder = write(
        hubspot__contacts=rows, typeform__forms=[{"id": "f", "created_at": "2026-02-02"}]
    )
    assert opened(folder).now == datetime(2026, 5, 5, 6, tzinfo=UTC)


def test_hubspots_own_date_properties_stand_in_for_missing_times(write: Write) -> None:
    about = {"name": "Foreign", "window_start": "2026-01-01", "now": "2026-06-30"}
    rows = [
        {"id": 1, "createdate": "2026-02-01", "lastmodifieddate": "1772323200000"},
        {"id": 2, "createdate": "", "lastmodifieddate": ""},
    ]
    with served(write(about, hubspot__contacts=rows)) as url:
        page = requests.get(f"{url}/crm/objects/2026-09/contacts", headers=HUBSPOT).json()
    times = [(row["createdAt"][:10], row["updatedAt"][:10]) for row in page["results"]]
    assert times == [("2026-02-01", "2026-03-01"), ("2026-01-01", "2026-01-01")]


def test_numbers_that_are_ids_stay_as_they_were_written(write: Write) -> None:
    folder = write({"name": "Foreign", "now": "2026-06-30"})
    (folder / "hubspot").mkdir()
    table = pa.table({"id": [12.0, 7.0], "seats": [2.5, 3.0], "code": ["007", "1e5"]})
    pq.write_table(table, folder / "hubspot" / "contacts.parquet")
    with served(folder) as url:
        path = f"{url}/crm/objects/2026-09/contacts?properties=seats,code"
        rows = requests.get(path, headers=HUBSPOT).json()["results"]
    found = [(r["id"], r["properties"]["seats"], r["properties"]["code"]) for r in rows]
    assert found == [("7", "3", "1e5"), ("12", "2.5", "007")]


def test_files_that_disagree_about_a_type_are_still_one_table(write: Write) -> None:
    folder = write({"name": "Foreign", "now": "2026-06-30"})
    parts = folder / "hubspot" / "deals"
    parts.mkdir(parents=True)
    pq.write_table(pa.table({"id": [1], "amount": [1200]}), parts / "a.parquet")
    pq.write_table(pa.table({"id": ["2"], "amount": ["n/a"]}), parts / "b.parquet")
    with served(folder) as url:
        path = f"{url}/crm/objects/2026-09/deals?properties=amount"
        rows = requests.get(path, headers=HUBSPOT).json()["results"]
    assert [row["properties"]["amount"] for row in rows] == ["1200", "n/a"]


def test_stages_come_from_the_deals_when_nobody_lists_them(write: Write) -> None:
    rows = [
        {"id": n, "pipeline": "sales", "dealstage": stage, "updated_at": "2026-01-01"}
        for n, stage in enumerate(("closedwon", "talking", "closedlost", "talking"))
    ]
    with served(write({"name": "F", "now": "2026-06-30"}, hubspot__deals=rows)) as url:
        path = f"{url}/crm/pipelines/2026-09/deals"
        pipelines = requests.get(path, headers=HUBSPOT).json()["results"]
    stages = {stage["id"]: stage["metadata"] for stage in pipelines[0]["stages"]}
    assert pipelines[0]["id"] == "sales"
    assert stages == {
        "closedwon": {"isClosed": "true", "probability": "1.0"},
        "closedlost": {"isClosed": "true", "probability": "0.0"},
        "talking": {"isClosed": "false", "probability": "0.5"},
    }


def test_merges_of_merges_end_at_the_last_winner(write: Write) -> None:
    rows = [
        {"id": 1, "updated_at": "2026-01-01", "merged_into": 2, "merged_at": "2026-02-01"},
        {"id": 2, "updated_at": "2026-01-01", "merged_into": 3, "merged_at": "2026-03-01"},
        {"id": 3, "updated_at": "2026-01-01"},
    ]
    with served(write({"name": "F", "now": "2026-06-30"}, hubspot__companies=rows)) as url:
        path = f"{url}/crm/objects/2026-09/companies?properties=hs_merged_object_ids"
        page = requests.get(path, headers=HUBSPOT).json()["results"]
    found = [(row["id"], row["properties"]["hs_merged_object_ids"]) for row in page]
    assert found == [("3", "1;2")]


def test_text_with_commas_quotes_lines_and_a_byte_order_mark_survives(write: Write) -> None:
    folder = write({"name": "Foreign", "now": "2026-06-30T12:00:00Z"})
    (folder / "hubspot").mkdir()
    text = '\ufeffid,name,updated_at\r\n1,"Müller, ""K""\nand Sons",2026-01-01\r\n'
    (folder / "hubspot" / "companies.csv").write_text(text, encoding="utf-8", newline="")
    with served(folder) as url:
        path = f"{url}/crm/objects/2026-09/companies"
        row = requests.get(path, headers=HUBSPOT).json()["results"][0]
    assert row["properties"]["name"] == 'Müller, "K"\nand Sons'


EVENT = {"distinct_id": "a", "event": "e", "timestamp": "2026-06-28"}
MISTAKES: dict[str, tuple[str, list[dict], list[str]]] = {
    "missing column": (
        "posthog__events",
        [{"distinct_id": "a", "event": "e"}],
        ["posthog/events.csv", "'timestamp'", "missing", "distinct_id, event"],
    ),
    "unparsable time": (
        "posthog__events",
        [EVENT, {**EVENT, "timestamp": "yesterday"}],
        ["posthog/events.csv", "'timestamp'", "row 2", "'yesterday'", "2026-06-30T12:00:00Z"],
    ),
    "empty required cell": (
        "posthog__events",
        [EVENT, {**EVENT, "event": ""}],
        ["posthog/events.csv", "'event'", "row 2", "empty", "fill it in"],
    ),
    "malformed properties": (
        "posthog__events",
        [{**EVENT, "properties": "{'plan': 1}"}],
        ["posthog/events", "'properties'", "row 1", "JSON object"],
    ),
    "number that is none": (
        "posthog__persons",
        [{"distinct_id": "a", "person_id": "p", "person_version": "new"}],
        ["posthog/persons.csv", "'person_version'", "'new'", "whole number"],
    ),
    "flag that is none": (
        "posthog__persons",
        [{"distinct_id": "a", "person_id": "p", "is_deleted": "maybe"}],
        ["posthog/persons.csv", "'is_deleted'", "'maybe'", "true or false"],
    ),
    "answers that are no list": (
        "typeform__responses",
        [{"form_id": "f", "token": "t", "answers": "{}"}],
        ["typeform/responses", "'answers'", "row 1", "JSON list"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_file_column_value_and_remedy(
    write: Write, mistake: str
) -> None:
    name, rows, words = MISTAKES[mistake]
    with pytest.raises(CompanyError) as raised:
        opened(write(**{name: rows}))
    message = str(raised.value)
    assert [word for word in words if word not in message] == []
    assert "\n" not in message


def test_unreadable_files_are_named(write: Write) -> None:
    folder = write()
    (folder / "hubspot").mkdir()
    for name, content in {"owners.parquet": b"no parquet", "contacts.csv": b""}.items():
        path = folder / "hubspot" / name
        path.write_bytes(content)
        with pytest.raises(CompanyError, match=f"hubspot/{name}: not readable"):
            opened(folder)
        path.unlink()


def test_two_files_for_one_table_are_one_too_many(write: Write) -> None:
    folder = write(hubspot__owners=[{"id": 1}])
    (folder / "hubspot" / "owners").mkdir()
    write_csv(folder / "hubspot" / "owners" / "more.csv", [{"id": 2}])
    with pytest.raises(CompanyError, match=r"owners\.csv: there is also a folder"):
        opened(folder)


def test_a_wrong_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CompanyError, match="no such folder"):
        opened(tmp_path / "nowhere")
    with pytest.raises(CompanyError, match=r"company\.json: missing"):
        opened(tmp_path)
    (tmp_path / "company.json").write_text("{")
    with pytest.raises(CompanyError, match="not readable as JSON"):
        opened(tmp_path)
    (tmp_path / "company.json").write_text('{"now": "soon"}')
    with pytest.raises(CompanyError, match=r"'now': 'soon' is not a time"):
        opened(tmp_path)


def test_posthog_definitions_keep_what_their_owner_wrote(write: Write) -> None:
    definition = {"type": "widget", "archived": True, "name": "From the definition"}
    rows = [{"id": "s1", "definition": json.dumps(definition), "created_at": "2026-01-01"}]
    with served(write({"name": "F", "now": "2026-06-30"}, posthog__surveys=rows)) as url:
        survey = requests.get(f"{url}/api/projects/1/surveys/", headers=POSTHOG).json()
    found = survey["results"][0]
    assert (found["type"], found["archived"], found["name"]) == (
        "widget",
        True,
        "From the definition",
    )
