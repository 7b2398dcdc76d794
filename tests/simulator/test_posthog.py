"""PostHog as the simulator serves it: exports by arrival, definitions, one count."""

import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from simulator.server import serving
from tests.simulator.small_company import POSTHOG, events

EXPORTS = "/api/projects/1/file_download_batch_exports/"
ORDER = {
    "model": "events",
    "file": {"format": "Parquet", "compression": "zstd"},
    "data_interval_start": "2026-06-27T00:00:00Z",
    "data_interval_end": "2026-06-30T00:00:00Z",
}
COUNT = (
    "SELECT toDate(timestamp) AS day, count(DISTINCT uuid) AS events FROM events"
    " WHERE timestamp >= toDateTime('{day} 00:00:00', 'UTC')"
    " GROUP BY day ORDER BY day LIMIT 50000"
)
TIME = pa.timestamp("us", "UTC")


def create(url: str, **changes: object) -> requests.Response:
    return requests.post(url + EXPORTS, json={**ORDER, **changes}, headers=POSTHOG)


def poll(url: str, run: str, times: int = 3) -> list[dict]:
    return [requests.get(f"{url}{EXPORTS}{run}/", headers=POSTHOG).json() for _ in range(times)]


def export(url: str, **changes: object) -> list[bytes]:
    """All files of a finished export."""
    run = create(url, **changes).json()["id"]
    files = poll(url, run)[-1]["files"]
    return [
        requests.get(f"{url}{EXPORTS}{run}/download/{file}/", headers=POSTHOG).content
        for file in files
    ]


def parquet(url: str, **changes: object) -> pa.Table:
    return pa.concat_tables(pq.read_table(io.BytesIO(f)) for f in export(url, **changes))


def move_clock(url: str, now: str) -> None:
    assert requests.post(f"{url}/__sim/clock", json={"now": now}).status_code == 200


def test_an_export_starts_runs_completes_and_redirects_to_a_signed_file(vendors: str) -> None:
    created = create(vendors)
    run = created.json()["id"]
    early = requests.get(f"{vendors}{EXPORTS}{run}/download", headers=POSTHOG)
    statuses = poll(vendors, run, 4)
    moved = requests.get(
        f"{vendors}{EXPORTS}{run}/download", headers=POSTHOG, allow_redirects=False
    )
    signed = moved.headers["Location"]
    assert created.status_code == 202
    assert early.status_code == 400
    assert early.json()["detail"] == "Batch export run is still in progress"
    names = ["Starting", "Running", "Completed", "Completed"]
    assert [status["status"] for status in statuses] == names
    assert moved.status_code == 302
    assert signed.startswith(vendors)
    assert requests.get(signed).content[:4] == b"PAR1"
    assert requests.get(signed.replace("Signature=", "Signature=0")).status_code == 403


def test_both_addresses_of_an_export_lead_to_it(vendors: str) -> None:
    old = f"{vendors}/api/environments/1/file_download_batch_exports"
    run = requests.post(old, json=ORDER, headers=POSTHOG).json()["id"]
    assert requests.get(f"{old}/{run}", headers=POSTHOG).json() == {"status": "Starting"}
    assert poll(vendors, run, 1) == [{"status": "Running"}]


def test_events_have_the_vendors_columns_and_types(vendors: str) -> None:
    text = dict.fromkeys(
        (
            *("uuid", "event", "distinct_id", "person_id", "properties"),
            *("person_properties", "elements_chain"),
        ),
        pa.string(),
    )
    times = dict.fromkeys(("timestamp", "created_at", "_inserted_at"), TIME)
    schema = parquet(vendors).schema
    assert {field.name: field.type for field in schema} == text | times


def test_persons_have_the_vendors_columns_and_types(vendors: str) -> None:
    table = parquet(vendors, model="persons")
    assert {field.name: field.type for field in table.schema} == {
        "team_id": pa.int64(),
        "distinct_id": pa.string(),
        "person_id": pa.string(),
        "properties": pa.string(),
        "person_distinct_id_version": pa.int64(),
        "person_version": pa.int64(),
        "created_at": TIME,
        "_inserted_at": TIME,
        "is_deleted": pa.bool_(),
    }
    versions = table.select(["distinct_id", "person_id", "person_distinct_id_version"]).to_pylist()
    assert {"distinct_id": "user_1", "person_id": "person-0", "person_distinct_id_version": 1} in (
        versions
    )


def test_an_export_holds_what_arrived_in_its_interval_start_inclusive(vendors: str) -> None:
    days = {
        f"2026-06-{day}": parquet(
            vendors,
            data_interval_start=f"2026-06-{day}T00:00:00Z",
            data_interval_end=f"2026-06-{day + 1}T00:00:00Z",
        )
        for day in (27, 28, 29)
    }
    expected = Counter(row["inserted_at"][:10] for row in events())
    assert {day: table.num_rows for day, table in days.items()} == dict(expected)
    edge = parquet(
        vendors,
        data_interval_start="2026-06-27T00:30:00Z",
        data_interval_end="2026-06-27T01:30:00Z",
    )
    assert edge["uuid"].to_pylist() == [events()[0]["uuid"]]


def test_a_late_event_arrives_with_its_old_time_and_a_repeated_one_twice(vendors: str) -> None:
    rows = parquet(vendors).to_pylist()
    late = next(row for row in rows if json.loads(row["properties"])["number"] == 7)
    twice = [row for row in rows if json.loads(row["properties"])["number"] == 8]
    assert (late["timestamp"].day, late["_inserted_at"].day) == (27, 29)
    assert len({row["uuid"] for row in twice}) == 1
    assert [row["_inserted_at"].day for row in twice] == [27, 28]


def test_include_and_exclude_choose_events_by_name(vendors: str) -> None:
    included = parquet(vendors, include=["app_opened"])
    excluded = parquet(vendors, exclude=["app_opened"])
    assert set(included["event"].to_pylist()) == {"app_opened"}
    assert set(excluded["event"].to_pylist()) == {"$pageview"}
    assert included.num_rows + excluded.num_rows == 61


def test_sessions_are_an_empty_file_that_can_be_read(vendors: str) -> None:
    table = parquet(vendors, model="sessions")
    assert (table.num_rows, "session_id" in table.column_names) == (0, True)


def test_json_lines_nest_their_json_and_write_times_as_text(vendors: str) -> None:
    file = {"format": "JSONLines", "compression": "gzip"}
    lines = gzip.decompress(export(vendors, file=file)[0]).decode().splitlines()
    first = json.loads(lines[0])
    assert len(lines) == 61
    assert first["properties"] == {"number": 0, "$groups": {"account": "acct_1"}}
    assert first["timestamp"] == "2026-06-27T00:30:00.000000Z"


@pytest.mark.parametrize("compression", ["zstd", "lz4", "snappy", "gzip", "brotli"])
def test_parquet_comes_in_every_compression(vendors: str, compression: str) -> None:
    file = {"format": "Parquet", "compression": compression}
    assert parquet(vendors, file=file).num_rows == 61


REFUSED = {
    "more than a week": {"data_interval_start": "2026-06-20T00:00:00Z"},
    "end before start": {"data_interval_end": "2026-06-26T00:00:00Z"},
    "end in the future": {"data_interval_end": "2026-06-30T12:00:01Z"},
    "unknown model": {"model": "people"},
    "unknown format": {"file": {"format": "CSV"}},
    "unknown compression": {"file": {"format": "Parquet", "compression": "zip"}},
    "compression of the other format": {"file": {"format": "JSONLines", "compression": "zstd"}},
    "unknown key": {"interval": "day"},
    "unknown key of the file": {"file": {"format": "Parquet", "size": 1}},
    "no whole number": {"file": {"format": "Parquet", "max_size_mb": "10"}},
    "no part size": {"file": {"format": "Parquet", "max_size_mb": 0}},
    "no time": {"data_interval_end": "yesterday"},
    "time as a number": {"data_interval_end": 1782777600},
    "names of persons": {"model": "persons", "include": ["a"]},
    "names that are no list": {"include": "app_opened"},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
def test_an_export_that_posthog_would_not_start_is_refused(vendors: str, change: dict) -> None:
    answer = create(vendors, **change)
    assert answer.status_code == 400
    assert answer.json().keys() == {"type", "code", "detail", "attr"}
    assert answer.json()["type"] == "validation_error"


@pytest.mark.parametrize("body", ["{", "[]", '"text"', '{"model": NaN}', "\xff"])
def test_a_body_that_is_no_json_object_is_refused(vendors: str, body: str) -> None:
    answer = requests.post(vendors + EXPORTS, data=body.encode("latin-1"), headers=POSTHOG)
    assert (answer.status_code, answer.json()["type"]) == (400, "validation_error")


def test_the_twenty_first_running_export_is_refused(own_vendors: str) -> None:
    statuses = [create(own_vendors).status_code for _ in range(21)]
    assert statuses == [202] * 20 + [429]


def test_surveys_come_in_pages_that_name_the_next(vendors: str) -> None:
    first = requests.get(f"{vendors}/api/projects/1/surveys/?limit=2", headers=POSTHOG).json()
    last = requests.get(first["next"], headers=POSTHOG).json()
    names = [survey["name"] for page in (first, last) for survey in page["results"]]
    assert (first["count"], last["next"]) == (3, None)
    assert names == ["Survey 0", "Survey 1", "Survey 2"]


def test_feature_flags_are_listed_like_surveys(vendors: str) -> None:
    page = requests.get(f"{vendors}/api/projects/1/feature_flags/", headers=POSTHOG).json()
    flags = [(flag["id"], flag["name"]) for flag in page["results"]]
    assert (page["count"], flags) == (1, [(1, "New editor")])


def test_an_unknown_parameter_is_refused_not_ignored(vendors: str) -> None:
    answer = requests.get(f"{vendors}/api/projects/1/surveys/?limitt=2", headers=POSTHOG)
    assert (answer.status_code, answer.json()["attr"]) == (400, "limitt")


def count(url: str, day: str) -> dict[str, int]:
    query = {"kind": "HogQLQuery", "query": COUNT.format(day=day)}
    path = f"{url}/api/projects/1/query/"
    answer = requests.post(path, json={"query": query}, headers=POSTHOG).json()
    assert answer["columns"] == ["day", "events"]
    return dict(answer["results"])


def test_the_count_query_counts_distinct_events_a_day(vendors: str) -> None:
    happened = {row["uuid"]: row["timestamp"][:10] for row in events()}
    assert count(vendors, "2026-06-01") == dict(Counter(happened.values()))
    assert list(count(vendors, "2026-06-29")) == ["2026-06-29"]


def test_the_count_query_knows_nothing_of_what_has_not_arrived(own_vendors: str) -> None:
    move_clock(own_vendors, "2026-06-28T00:00:00Z")
    assert count(own_vendors, "2026-06-01") == {"2026-06-27": 23}


@pytest.mark.parametrize("text", ["SELECT 1", COUNT.format(day="2026-13-45")])
def test_any_other_query_is_refused(vendors: str, text: str) -> None:
    body = {"query": {"kind": "HogQLQuery", "query": text}}
    answer = requests.post(f"{vendors}/api/projects/1/query/", json=body, headers=POSTHOG)
    assert (answer.status_code, answer.json()["code"]) == (400, "illegal_query")


def test_errors_carry_the_vendors_body(vendors: str) -> None:
    path = f"{vendors}/api/projects/1/surveys/"
    none = requests.get(path)
    wrong = requests.get(path, headers={"Authorization": "Bearer phx_other"})
    lost = requests.get(f"{vendors}/api/projects/1/nothing/", headers=POSTHOG)
    method = requests.delete(path, headers=POSTHOG)
    codes = [(a.status_code, a.json()["code"]) for a in (none, wrong, lost, method)]
    assert codes == [
        (401, "not_authenticated"),
        (401, "authentication_failed"),
        (404, "not_found"),
        (405, "method_not_allowed"),
    ]


def test_every_answer_carries_the_simulated_time(own_vendors: str) -> None:
    move_clock(own_vendors, "2026-07-04T05:06:07.9Z")
    dates = {
        requests.get(own_vendors + path).headers["Date"]
        for path in ("/api/projects/1/surveys/", "/crm/owners/2026-09", "/forms", "/__sim/clock")
    }
    assert dates == {"Sat, 04 Jul 2026 05:06:07 GMT"}


@pytest.fixture
def many_events(tmp_path: Path) -> Iterator[str]:
    """Vendors of a company with events enough for several parts of a megabyte."""
    folder = tmp_path / "company"
    (folder / "posthog").mkdir(parents=True)
    (folder / "company.json").write_text('{"name": "Many", "now": "2026-06-30T12:00:00Z"}')
    rows = 12_000
    noise = random.Random(1)
    table = pa.table(
        {
            "distinct_id": [f"user_{n}" for n in range(rows)],
            "event": ["app_opened"] * rows,
            "timestamp": [datetime(2026, 6, 28, n % 24, tzinfo=UTC) for n in range(rows)],
            "noise": [noise.randbytes(150).hex() for _ in range(rows)],
        }
    )
    pq.write_table(table, folder / "posthog" / "events.parquet")
    with serving(folder, cache=tmp_path / "cache") as url:
        yield url


def test_parts_hold_every_row_once_and_a_manifest_names_them(many_events: str) -> None:
    file = {"format": "Parquet", "max_size_mb": 1}
    run = create(many_events, file=file).json()["id"]
    ids = poll(many_events, run)[-1]["files"]
    base = f"{many_events}{EXPORTS}{run}/download"
    parts = [requests.get(f"{base}/{at}/", headers=POSTHOG).content for at in range(len(ids))]
    manifest = requests.get(f"{base}/manifest.json", headers=POSTHOG).json()
    beyond = requests.get(f"{base}/{len(ids)}/", headers=POSTHOG)
    uuids = [u for part in parts for u in pq.read_table(io.BytesIO(part))["uuid"].to_pylist()]
    assert len(parts) > 2
    assert max(map(len, parts)) < 1.5 * 1024 * 1024
    assert len(manifest["files"]) == len(parts)
    assert (len(uuids), len(set(uuids))) == (12_000, 12_000)
    assert (beyond.status_code, beyond.json()["detail"]) == (404, f"No files with index {len(ids)}")


def test_an_export_that_cannot_be_written_fails_and_says_why(company: Path, tmp_path: Path) -> None:
    with serving(company, cache=tmp_path / "cache") as url:
        for file in (tmp_path / "cache").rglob("*.parquet"):
            file.unlink()
        run = create(url).json()["id"]
        last = poll(url, run)[-1]
        download = requests.get(f"{url}{EXPORTS}{run}/download/", headers=POSTHOG)
    assert (last["status"], ".parquet" in last["error"]) == ("Failed", True)
    assert (download.status_code, download.json()["detail"]) == (
        400,
        "Batch export run has failed",
    )
