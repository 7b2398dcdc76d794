"""Typeform: every response once, late ones too, and deleted ones no more."""

import json
from datetime import timedelta

from tests.ingestion.company import (
    DAY,
    HOUR,
    NOW,
    Company,
    Vendors,
    contents,
    load_now,
    query,
    response,
)
from tests.ingestion.conftest import Serve


def tokens() -> list[str]:
    return [t for (t,) in query("select token from typeform.responses order by token")]


def test_every_response_arrives_with_its_answers(company: Company, vendors: Vendors) -> None:
    load_now("typeform")
    rows = query(
        "select token, max(value) filter (where field_ref = 'nps_score'), "
        "max(value) filter (where field_ref = 'nps_reason') from typeform.answers group by token"
    )
    sent = {r["token"]: json.loads(r["answers"]) for r in company.tables["typeform/responses"]}
    assert {token: (score, reason) for token, score, reason in rows} == {
        token: (str(answers[0]["number"]), answers[1]["text"]) for token, answers in sent.items()
    }


def test_answers_of_every_type_become_text(company: Company, serve: Serve) -> None:
    given = [
        ({"type": "boolean", "boolean": False}, "false"),
        ({"type": "number", "number": 4.5}, "4.5"),
        ({"type": "choice", "choice": {"label": "Red"}}, "Red"),
        ({"type": "choice", "choice": {"other": "Mauve"}}, "Mauve"),
        ({"type": "choices", "choices": {"labels": ["A", "B"], "other": "C"}}, "A;B;C"),
        ({"type": "email", "email": "a@b.example"}, "a@b.example"),
        ({"type": "date", "date": "2026-06-01"}, "2026-06-01"),
    ]
    answers = [
        {"field": {"id": f"f{n}", "type": "x"}, **answer} for n, (answer, _) in enumerate(given)
    ]
    company.tables["typeform/responses"] = [response(1, NOW - DAY, answers=json.dumps(answers))]
    serve(company)
    load_now("typeform")
    held = query("select value from typeform.answers order by position")
    assert held == [(text,) for _, text in given]


def test_two_forms_may_use_the_same_token_and_response_id(company: Company, serve: Serve) -> None:
    other = company.tables["typeform/forms"][0] | {"id": "csatFm01"}
    company.tables["typeform/forms"].append(other)
    company.tables["typeform/responses"].append(
        company.tables["typeform/responses"][0] | {"form_id": "csatFm01"}
    )
    serve(company)
    load_now("typeform")
    shared = company.tables["typeform/responses"][0]["token"]
    rows = query(f"select form_id from typeform.responses where token = '{shared}' order by all")
    assert rows == [("csatFm01",), ("npsFrm01",)]


def test_more_responses_than_a_page_are_all_read_once(company: Company, serve: Serve) -> None:
    company.tables["typeform/responses"] = [
        # Pairs share a second, and a page ends between two of one second.
        response(n, NOW - DAY - n // 2 * timedelta(seconds=1))
        for n in range(2501)
    ]
    serve(company)
    report = load_now("typeform")["typeform"]
    assert report.rows["responses"] == 2501
    assert query("select count(*), count(distinct token) from typeform.responses") == [(2501,) * 2]


def test_loading_again_changes_nothing_and_asks_little(vendors: Vendors) -> None:
    load_now("typeform")
    before = contents("typeform")
    vendors.at(NOW + HOUR)
    vendors.forget_requests()
    report = load_now("typeform")["typeform"]
    assert contents("typeform") == before
    assert report.rows == {"source_counts": 1}
    assert vendors.request_count() == 2


def test_the_second_night_brings_new_answers(company: Company, serve: Serve) -> None:
    company.tables["typeform/responses"].append(response(5000, NOW + HOUR))
    vendors = serve(company)
    load_now("typeform")
    assert "token005000" not in tokens()
    vendors.at(NOW + DAY)
    load_now("typeform")
    assert tokens() == sorted(r["token"] for r in company.tables["typeform/responses"])


def test_an_answer_that_shows_up_late_is_found(company: Company, serve: Serve) -> None:
    late = response(5000, NOW - 20 * DAY, arrived_at=NOW + HOUR)
    company.tables["typeform/responses"].append(late)
    vendors = serve(company)
    load_now("typeform")
    vendors.at(NOW + DAY)
    load_now("typeform")
    assert tokens() == sorted(r["token"] for r in company.tables["typeform/responses"])
    assert query("select count(*) from typeform.answers where token = 'token005000'") == [(2,)]


def test_deleted_responses_and_their_answers_disappear(company: Company, serve: Serve) -> None:
    # One alone on its day, and the newest of all.
    for row in (company.tables["typeform/responses"][3], company.tables["typeform/responses"][-1]):
        row |= {"deleted_at": NOW + HOUR}
    gone = {r["token"] for r in company.tables["typeform/responses"] if r.get("deleted_at")}
    vendors = serve(company)
    load_now("typeform")
    assert gone <= set(tokens())
    vendors.at(NOW + DAY)
    load_now("typeform")
    held = {token for (token,) in query("select token from typeform.answers")}
    assert gone.isdisjoint(tokens())
    assert gone.isdisjoint(held)
    assert len(tokens()) == len(company.tables["typeform/responses"]) - 2


def test_one_answer_deleted_and_another_given_on_the_same_night(
    company: Company, serve: Serve
) -> None:
    company.tables["typeform/responses"][3] |= {"deleted_at": NOW + HOUR}
    company.tables["typeform/responses"].append(response(5000, NOW + HOUR))
    vendors = serve(company)
    load_now("typeform")
    vendors.at(NOW + DAY)
    load_now("typeform")
    assert tokens() == sorted(
        r["token"] for r in company.tables["typeform/responses"] if not r.get("deleted_at")
    )


def test_an_edited_form_is_another_version(company: Company, serve: Serve) -> None:
    form = company.tables["typeform/forms"][0]
    company.tables["typeform/forms"].append(form | {"last_updated_at": NOW - HOUR})
    serve(company)
    load_now("typeform")
    # Which versions are visible is the vendor's matter; none is loaded twice.
    assert query("select count(*) - count(distinct last_updated_at) from typeform.forms") == [(0,)]


def test_fields_keep_their_order(vendors: Vendors) -> None:
    load_now("typeform")
    rows = query("select field_ref, position from typeform.form_fields order by position")
    assert rows == [("nps_score", 1), ("nps_reason", 2)]


def test_the_vendors_own_count_is_that_of_the_responses(vendors: Vendors) -> None:
    load_now("typeform")
    counted = query("select scope, source_count from typeform.source_counts")
    assert counted == [("npsFrm01", len(tokens()))]
