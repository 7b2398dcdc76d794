"""PostHog: every event and person exactly as it arrived, and only once."""

import json
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from ingestion.errors import VendorError
from ingestion.posthog import weeks
from tests.ingestion.company import DAY, HOUR, NOW, Company, Vendors, contents, load_now, query
from tests.ingestion.conftest import Serve


def event(number: int, at: datetime, arrived: datetime) -> dict:
    return {
        "uuid": f"10000000-0000-4000-8000-{number:012d}",
        "distinct_id": "user_000001",
        "event": "late",
        "timestamp": at,
        "inserted_at": arrived,
        "properties": "{}",
    }


def uuids() -> list[str]:
    return [uuid for (uuid,) in query("select uuid from posthog.events order by uuid")]


def test_every_event_arrives_as_it_was_sent(company: Company, vendors: Vendors) -> None:
    load_now("posthog")
    rows = query("select uuid, distinct_id, event, timestamp, _inserted_at from posthog.events")
    assert sorted(rows) == sorted(
        (e["uuid"], e["distinct_id"], e["event"], e["timestamp"], e["inserted_at"])
        for e in company.tables["posthog/events"]
    )


def test_event_properties_stay_the_vendors_json(company: Company, vendors: Vendors) -> None:
    load_now("posthog")
    held = dict(query("select uuid, properties from posthog.events"))
    sent = {e["uuid"]: json.loads(e["properties"]) for e in company.tables["posthog/events"]}
    assert {uuid: json.loads(text) for uuid, text in held.items()} == sent


def test_every_version_of_a_person_is_kept(company: Company, serve: Serve) -> None:
    merged = company.tables["posthog/persons"][3] | {
        "person_id": "person_000001",
        "person_distinct_id_version": 1,
        "inserted_at": NOW - HOUR,
    }
    company.tables["posthog/persons"].append(merged)
    serve(company)
    load_now("posthog")
    rows = query(
        "select person_id, person_distinct_id_version from posthog.persons "
        "where distinct_id = 'user_000003' order by all"
    )
    assert rows == [("person_000001", 1), ("person_000003", 0)]


def test_loading_again_changes_nothing_and_asks_little(vendors: Vendors) -> None:
    load_now("posthog")
    before = contents("posthog"), uuids()
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    report = load_now("posthog")["posthog"]
    assert (contents("posthog"), uuids()) == before
    assert "events" not in report.rows
    assert "persons" not in report.rows
    # The present, two exports of six requests each, two lists and a count, and a poll more.
    assert vendors.request_count() <= 17, vendors.control("requests")


def test_the_second_night_brings_what_arrived_since_however_old(
    company: Company, serve: Serve
) -> None:
    late = [event(n, NOW - 30 * DAY, NOW + n * HOUR) for n in range(3)]
    company.tables["posthog/events"] += late
    vendors = serve(company)
    load_now("posthog")
    before = set(uuids())
    vendors.at(NOW + DAY)
    report = load_now("posthog")["posthog"]
    assert set(uuids()) - before == {row["uuid"] for row in late}
    assert report.rows["events"] == len(late)


def test_an_event_that_arrives_on_the_border_of_two_loads_is_loaded_once(
    company: Company, serve: Serve
) -> None:
    moments = [NOW - timedelta(microseconds=1), NOW, NOW + timedelta(microseconds=1)]
    border = [event(n, NOW - DAY, at) for n, at in enumerate(moments)]
    company.tables["posthog/events"] += border
    vendors = serve(company)
    load_now("posthog")
    vendors.at(NOW + DAY)
    load_now("posthog")
    assert [uuid for uuid in uuids() if uuid.startswith("1")] == [row["uuid"] for row in border]


def test_no_export_is_longer_than_a_week_and_together_they_leave_no_gap(
    vendors: Vendors,
) -> None:
    load_now("posthog")
    vendors.at(NOW + 10 * DAY)
    load_now("posthog")
    for model in ("events", "persons"):
        pieces = query(
            "select interval_start, interval_end from posthog.exports "
            f"where model = '{model}' order by interval_start"
        )
        assert all(end - start <= timedelta(days=7) for start, end in pieces)
        assert all(start <= end for (_, end), (start, _) in pairwise(pieces))
        assert pieces[-1][1] == NOW + 10 * DAY


def test_what_becomes_visible_after_a_load_is_found_by_the_next(
    company: Company, serve: Serve
) -> None:
    serve(company)
    load_now("posthog")
    # It had arrived before that load, but PostHog did not show it yet.
    stamped = event(1, NOW - DAY, NOW - timedelta(minutes=10))
    company.tables["posthog/events"].append(stamped)
    serve(company).at(NOW + DAY)
    assert load_now("posthog")["posthog"].rows["events"] == 1
    assert stamped["uuid"] in uuids()


def test_rows_held_back_until_later_are_not_lost(vendors: Vendors) -> None:
    vendors.break_with(vendor="posthog", path="file_download", request=1, times=-1, kind="late")
    load_now("posthog")
    held_back = 200 - len(uuids())
    vendors.mend()
    vendors.at(NOW + DAY)
    load_now("posthog")
    assert held_back > 0
    assert len(set(uuids())) == 200


def test_exports_tell_how_many_rows_they_brought(company: Company, vendors: Vendors) -> None:
    load_now("posthog")
    counted = query("select sum(row_count) from posthog.exports where model = 'events'")
    assert counted == [(len(company.tables["posthog/events"]),)]


def test_an_export_in_several_files_is_loaded_whole(
    company: Company, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__POSTHOG__FILE_SIZE_MB", "1")
    for number, row in enumerate(company.tables["posthog/events"]):
        # Text that does not compress: four megabytes in all, in six weeks.
        row["properties"] = json.dumps({"n": [hash((number, n)) for n in range(1000)]})
    vendors = serve(company)
    load_now("posthog")
    downloads = [p for p in vendors.control("requests")["by_path"] if "/download" in p]
    assert len(uuids()) == len(company.tables["posthog/events"])
    assert downloads


def test_surveys_are_listed_to_the_last_page(company: Company, serve: Serve) -> None:
    company.tables["posthog/surveys"] = [
        {"id": f"survey-{n:03d}", "name": f"S{n}", "created_at": NOW - DAY, "definition": "{}"}
        for n in range(250)
    ]
    serve(company)
    load_now("posthog")
    assert query("select count(distinct id), count(*) from posthog.surveys") == [(250, 250)]


def test_the_vendors_own_counts_are_the_distinct_events_of_each_day(
    company: Company, vendors: Vendors
) -> None:
    load_now("posthog")
    counted = dict(query("select scope, source_count from posthog.source_counts"))
    held = dict(
        query(
            "select strftime(timestamp, '%Y-%m-%d'), count(distinct uuid) from posthog.events "
            "group by all"
        )
    )
    assert counted == held


def test_a_new_column_is_taken_in(vendors: Vendors) -> None:
    load_now("posthog")
    before = set(uuids())
    vendors.mend()
    vendors.break_with(
        vendor="posthog",
        path="file_download",
        request=1,
        times=-1,
        kind="drift",
        drift="new-column",
    )
    vendors.at(NOW + DAY)
    load_now("posthog")
    assert before <= set(uuids())


def test_weeks_cover_a_span_exactly() -> None:
    pieces = list(weeks(NOW - 15 * DAY, NOW))
    assert pieces[0][0] == NOW - 15 * DAY
    assert pieces[-1] == (NOW - DAY, NOW)
    assert list(weeks(NOW, NOW)) == []


def test_a_list_that_points_to_another_host_is_read_from_ours(
    company: Company, serve: Serve
) -> None:
    from ingestion.posthog import _next_offset

    assert _next_offset("https://elsewhere.example/surveys/?limit=100&offset=100", 0) == 100
    with pytest.raises(VendorError):
        _next_offset("https://elsewhere.example/surveys/?limit=100&offset=0", 100)
