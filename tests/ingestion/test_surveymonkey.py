"""SurveyMonkey: every response once, changed and deleted ones too, within the calls of a day."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests
from starlette.applications import Starlette

from ingestion.budget import DayBudget
from ingestion.pipeline import LoadReport
from simulator.__main__ import environment
from simulator.server import create_app, running
from tests.ingestion.company import (
    DAY,
    HOUR,
    NOW,
    Company,
    Vendors,
    contents,
    load_now,
    monkey_response,
    monkey_survey,
    query,
    start_over,
)
from tests.ingestion.conftest import Serve

SECOND = timedelta(seconds=1)
PER_DAY = "SOURCES__SURVEYMONKEY__REQUESTS_PER_DAY"


def load_it() -> LoadReport:
    return load_now("surveymonkey")["surveymonkey"]


def ids(survey_id: str = "901") -> list[str]:
    """The responses that are not known to be gone at the vendor."""
    rows = query(
        "select id from surveymonkey.responses join surveymonkey.survey_reads using (survey_id)"
        " where responses.generation >= survey_reads.generation"
        f" and survey_id = '{survey_id}' order by id"
    )
    return [identifier for (identifier,) in rows]


def sent(company: Company, survey_id: str = "901") -> list[str]:
    rows = company.tables["surveymonkey/responses"]
    return sorted({r["id"] for r in rows if r["survey_id"] == survey_id and not r["deleted_at"]})


def fill(
    company: Company, count: int, at: datetime = NOW - 2 * DAY, apart: timedelta = SECOND
) -> None:
    company.tables["surveymonkey/responses"] = [
        monkey_response(n, at + n * apart) for n in range(count)
    ]


def test_every_response_arrives_with_its_answers(company: Company, vendors: Vendors) -> None:
    load_it()
    assert ids() == sent(company)
    rows = query(
        "select answers.response_id, choices.text, written.text from surveymonkey.answers"
        " join surveymonkey.choices using (survey_id, question_id, choice_id)"
        " join surveymonkey.answers as written on answers.response_id = written.response_id"
        " and written.text is not null order by 1"
    )
    assert rows == [
        (f"{5_000_000 + n}", f"Text {n % 5}", f"Reason {n}") for n in range(len(sent(company)))
    ]
    [person] = query("select user_id, email from surveymonkey.responses where id = '5000001'")
    assert person == ("user_000001", "p1@word1.example")


def test_the_vendors_own_count_is_that_of_the_responses(company: Company, vendors: Vendors) -> None:
    load_it()
    counted = query("select scope, source_count from surveymonkey.source_counts order by 1")
    assert counted == [("901", len(ids())), ("902", 0)]


def test_a_quiet_night_costs_one_call_a_survey_that_lives(vendors: Vendors) -> None:
    load_it()
    before = contents("surveymonkey")
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    report = load_it()
    assert contents("surveymonkey") == before
    assert report.rows == {"source_counts": 2}
    # The list, and the survey that was answered this month; the other never was.
    assert vendors.request_count() == 2


def test_a_survey_that_was_quiet_for_a_month_is_asked_once_a_week(
    company: Company, serve: Serve
) -> None:
    vendors = serve(company)
    load_it()
    vendors.at(NOW + 40 * DAY)
    load_it()
    asked = []
    for day in range(41, 49):
        vendors.at(NOW + day * DAY)
        vendors.forget_requests()
        load_it()
        asked.append(vendors.request_count())
    assert asked == [1, 1, 1, 1, 1, 1, 2, 1]
    counted = query("select distinct counted_at from surveymonkey.source_counts")
    assert counted == [(NOW + 48 * DAY,)]


@pytest.mark.parametrize("apart", [HOUR, SECOND, SECOND / 4, timedelta(0)])
def test_more_responses_than_a_page_are_all_read_once(
    company: Company, serve: Serve, apart: timedelta
) -> None:
    # A page may end between two of one second, or be full of a single one.
    fill(company, 350, at=NOW - 20 * DAY, apart=apart)
    serve(company)
    report = load_it()
    assert report.rows["responses"] == 350
    assert ids() == sent(company)


def test_the_second_night_brings_news_and_what_was_finished(company: Company, serve: Serve) -> None:
    rows = company.tables["surveymonkey/responses"]
    rows[5]["status"] = "partial"
    later = {"modified_at": NOW + HOUR, "arrived_at": NOW + HOUR, "status": "completed"}
    rows.append(rows[5] | later | {"pages": "[]"})
    rows.append(monkey_response(900, NOW + 2 * HOUR))
    vendors = serve(company)
    load_it()
    assert "5000900" not in ids()
    vendors.at(NOW + DAY)
    report = load_it()
    assert report.rows["responses"] == 2
    assert ids() == sent(company)
    finished = query("select status, generation from surveymonkey.responses where id = '5000005'")
    assert finished == [("completed", 1)]
    assert query("select * from surveymonkey.answers where response_id = '5000005'") == []


def test_more_news_than_a_page_are_read_without_what_was_known(
    company: Company, serve: Serve
) -> None:
    fill(company, 250)
    rows = company.tables["surveymonkey/responses"]
    rows += [monkey_response(1000 + n, NOW + HOUR + n * SECOND) for n in range(230)]
    vendors = serve(company)
    load_it()
    vendors.at(NOW + DAY)
    vendors.forget_requests()
    assert load_it().rows["responses"] == 230
    assert ids() == sent(company)
    # The list, the newest page, five of those since the hour before, the newest page again.
    assert vendors.request_count() == 8


@pytest.mark.parametrize("late", [NOW - 20 * DAY, NOW - timedelta(minutes=10)])
def test_an_answer_that_shows_up_late_is_found(
    company: Company, serve: Serve, late: datetime
) -> None:
    company.tables["surveymonkey/responses"].append(
        monkey_response(900, late, arrived_at=NOW + HOUR)
    )
    vendors = serve(company)
    load_it()
    vendors.at(NOW + DAY)
    load_it()
    assert ids() == sent(company)


def test_deleted_responses_are_no_longer_those_of_the_survey(
    company: Company, serve: Serve
) -> None:
    fill(company, 130)
    company.tables["surveymonkey/responses"][3]["deleted_at"] = NOW + HOUR
    company.tables["surveymonkey/responses"].append(monkey_response(900, NOW + HOUR))
    vendors = serve(company)
    load_it()
    assert "5000003" in ids()
    vendors.at(NOW + DAY)
    load_it()
    assert ids() == sent(company)
    counted = query("select source_count from surveymonkey.source_counts where scope = '901'")
    assert counted == [(130,)]
    assert query("select generation from surveymonkey.survey_reads order by survey_id") == [
        (2,),
        (1,),
    ]


def test_a_survey_that_is_deleted_has_no_responses_until_it_is_back(
    company: Company, serve: Serve
) -> None:
    company.tables["surveymonkey/surveys"][0]["deleted_at"] = NOW + HOUR
    back = company.tables["surveymonkey/surveys"][0] | {
        "modified_at": NOW + 2 * DAY,
        "deleted_at": None,
    }
    company.tables["surveymonkey/surveys"].append(back)
    vendors = serve(company)
    load_it()
    for night in (1, 1.5):
        vendors.at(NOW + night * DAY)
        load_it()
        assert ids() == []
        assert query("select sum(source_count) from surveymonkey.source_counts") == [(0,)]
    vendors.at(NOW + 3 * DAY)
    load_it()
    assert ids() == sent(company)


def test_questions_are_read_when_a_survey_was_edited(company: Company, serve: Serve) -> None:
    edited = monkey_survey("901", NOW - 30 * DAY, modified_at=NOW + HOUR)
    definition = json.loads(edited["definition"])
    definition["pages"][0]["questions"][1]["headings"] = [{"heading": "And why?"}]
    company.tables["surveymonkey/surveys"].append(edited | {"definition": json.dumps(definition)})
    vendors = serve(company)
    load_it()
    vendors.at(NOW + DAY)
    report = load_it()
    assert {name: report.rows[name] for name in ("surveys", "questions", "choices")} == {
        "surveys": 1,
        "questions": 2,
        "choices": 5,
    }
    headings = query("select heading from surveymonkey.questions where question_id = '9012'")
    assert headings == [("And why?",)]


def nights(vendors: Vendors, count: int) -> Iterator[LoadReport]:
    for night in range(count):
        vendors.at(NOW + night * DAY)
        yield load_it()


def test_what_a_day_has_no_calls_for_is_read_on_the_next(
    company: Company, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(company, 950)
    company.tables["surveymonkey/responses"] += [
        monkey_response(n, NOW - DAY, survey_id="902") for n in range(20)
    ]
    vendors = serve(company)
    monkeypatch.setenv(PER_DAY, "8")
    told, loaded, waits = [], [], []
    for report in nights(vendors, 4):
        told.append(report.waiting)
        loaded.append(report.rows.get("responses", 0))
        waits.append(query("select count(waits_since) from surveymonkey.survey_reads"))
    assert told[0] == (
        "surveymonkey: the 8 requests of 2026-06-30 are spent; 2 of 2 surveys wait till tomorrow:"
        " 'Survey 901', 'Survey 902'"
    )
    assert told[-1] is None
    # Nothing is lost and nothing is fetched twice.
    assert sum(loaded) == 970
    assert loaded[0] > 0
    assert (ids("901"), ids("902")) == (sent(company, "901"), sent(company, "902"))
    assert waits[0] == [(2,)]
    assert waits[-1] == [(0,)]
    before = contents("surveymonkey")
    start_over()
    monkeypatch.setenv(PER_DAY, "400")
    load_it()
    assert contents("surveymonkey") == before


def test_a_reading_of_news_goes_on_where_the_day_ended(
    company: Company, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(company, 150)
    news = [monkey_response(1000 + n, NOW + HOUR + n * SECOND) for n in range(600)]
    company.tables["surveymonkey/responses"] += news
    vendors = serve(company)
    load_it()
    monkeypatch.setenv(PER_DAY, "5")
    loaded = []
    for night in range(1, 5):
        vendors.at(NOW + night * DAY)
        loaded.append(load_it().rows.get("responses", 0))
    assert sum(loaded) == 600
    assert max(loaded) < 600
    assert ids() == sent(company)
    # As they were one after the other and never all again.
    assert query("select max(generation) from surveymonkey.responses") == [(1,)]


def test_a_second_load_of_the_same_day_has_what_is_left(
    company: Company, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(company, 950)
    vendors = serve(company)
    monkeypatch.setenv(PER_DAY, "8")
    load_it()
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    report = load_it()
    # One question tells which day it is.
    assert vendors.request_count() == 1
    assert "wait till tomorrow" in str(report.waiting)


def test_questions_that_failed_count_as_well(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PER_DAY, "5")
    vendors.break_with(
        vendor="surveymonkey", path="details", request=1, times=3, kind="500", retry_after=0
    )
    # The list, the questions of one survey at the fourth attempt.
    assert "2 of 2 surveys wait till tomorrow" in str(load_it().waiting)
    assert vendors.request_count() == 5


@contextmanager
def limited(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Starlette]]:
    """Vendors that refuse as they do; the tests set how much they grant."""
    app = create_app(company.write(), now=NOW, rate_limits=True, cache=Path(company.folder, "c"))
    with running(app) as url:
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        yield url, app


def test_the_days_limit_of_the_vendor_ends_the_load_and_not_the_night(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(company, 950)
    with limited(company, monkeypatch) as (url, app):
        app.state.world.vendor("/v3/surveys").limits[1].count = 8
        began = time.monotonic()
        report = load_it()
        # Midnight is hours away: nobody waits for it.
        assert time.monotonic() - began < 20
        assert "2 of 2 surveys wait till tomorrow" in str(report.waiting)
        assert 0 < len(ids()) < 950
        Vendors(url).at(NOW + DAY)
        app.state.world.vendor("/v3/surveys").limits[1].count = 500
        assert load_it().waiting is None
    assert ids() == sent(company)


def test_a_day_that_others_spent_is_over_before_it_began(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited(company, monkeypatch) as (_, app):
        app.state.world.vendor("/v3/surveys").limits[1].count = 0
        report = load_it()
    assert report.waiting is not None
    assert report.waiting.endswith("all surveys wait till tomorrow")
    assert query("select * from surveymonkey.responses") == []


def test_the_vendors_header_knows_what_others_spent(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited(company, monkeypatch) as (_, app):
        day = app.state.world.vendor("/v3/surveys").limits[1]
        day.day, day.taken = NOW.date(), 398
        assert "wait till tomorrow" in str(load_it().waiting)
        assert day.taken == 400


def test_the_minutes_limit_is_waited_for(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    with limited(company, monkeypatch) as (_, app):
        minute = app.state.world.vendor("/v3/surveys").limits[0]
        minute.count, minute.seconds = 2, 2.0
        monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
        began = time.monotonic()
        assert load_it().waiting is None
        assert 2 <= time.monotonic() - began < 30
    assert ids() == sent(company)


def test_a_refusal_that_says_no_time_is_left_to_the_usual_waiting() -> None:
    refused = requests.Response()
    refused.status_code = 429
    refused.headers["X-Ratelimit-App-Global-Minute-Remaining"] = "0"
    DayBudget(400, 2).note(refused)
    assert "Retry-After" not in refused.headers


def test_nobody_who_was_erased_comes_back(company: Company, serve: Serve) -> None:
    from ingestion.privacy import forget_at_the_door

    company.tables["surveymonkey/responses"].append(monkey_response(901, NOW + HOUR, email=None))
    vendors = serve(company)
    load_it()
    forget_at_the_door(surveymonkey=["901:5000000", "p4@word1.example"], posthog=["user_000001"])
    start_over()
    vendors.at(NOW + DAY)
    load_it()
    held = query("select id, user_id, email from surveymonkey.responses")
    assert "5000000" not in {identifier for identifier, *_ in held}
    assert "user_000001" not in {user for _, user, _ in held}
    assert "p4@word1.example" not in {email for *_, email in held}
    erased = query("select sum(row_count) from surveymonkey.erased_counts where scope = '901'")
    assert erased == [(len(sent(company)) - len(held),)]
