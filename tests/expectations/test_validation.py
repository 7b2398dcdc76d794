"""Expectations hold where they should, fail where they should, and say what they saw."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import duckdb_engine
import pytest

from expectations import EXPECTATIONS, Expectation, Suite, SuiteError, suites
from expectations.results import CheckResult
from expectations.validation import WarehouseUnreadableError, validate
from tests.expectations.conftest import change, copied

TABLE = "core.numbers"


def expect(kind: str, **kwargs: Any) -> Expectation:
    return Expectation(name="it", type=kind, kwargs=kwargs)


def check(
    warehouse: Path,
    expectation: Expectation,
    data_docs: Path | None = None,
    published: Path | None = None,
) -> CheckResult:
    (result,) = validate(
        warehouse,
        published=published,
        data_docs=data_docs,
        every={TABLE: Suite(TABLE, (expectation,))},
    )
    return result


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A table of a thousand rows: numbers 0 to 6 as decimals, a seventh part of them null."""
    return change(
        tmp_path / "productops.duckdb",
        "create schema core",
        "create table core.numbers as select i as id, (i % 7)::decimal(18, 2) as amount,"
        " nullif(i % 7, 0) as nullable, 'user' || i || '@company.example' as email,"
        " timestamptz '2026-01-01 00:00:00+00' + to_hours(i::int) as seen_at"
        " from range(1000) as numbers(i)",
    )


FIGURES = "select 'all' as scope, 990 as expected, count(*) as observed from core.numbers"

# Type, arguments that hold, arguments that must fail, and the counts that the failure shows.
CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "expect_table_row_count_to_be_between",
        {"min_value": 1000, "max_value": 1000},
        {"min_value": 1001},
        {"observed_value": 1000},
    ),
    (
        "expect_column_values_to_be_between",
        {"column": "amount", "min_value": 0, "max_value": 6},
        {"column": "amount", "min_value": 0, "max_value": 5},
        {"element_count": 1000, "unexpected_count": 142},
    ),
    (
        "expect_column_values_to_be_between",
        {"column": "amount", "max_value": 5, "mostly": 0.85},
        {"column": "amount", "max_value": 5, "mostly": 0.86},
        {"element_count": 1000, "unexpected_count": 142},
    ),
    (
        "expect_column_mean_to_be_between",
        {"column": "amount", "min_value": 2.9, "max_value": 3.1},
        {"column": "amount", "min_value": 3.1},
        {"observed_value": 2.997},
    ),
    (
        "expect_column_values_to_not_be_null",
        {"column": "nullable", "mostly": 0.85},
        {"column": "nullable", "mostly": 0.9},
        {"element_count": 1000, "unexpected_count": 143},
    ),
    (
        "expect_figures_to_agree",
        {"query": FIGURES, "tolerance": 10},
        {"query": FIGURES, "tolerance": 9},
        {"scope": "all", "expected": 990, "observed": 1000, "compared": 1, "unexpected": 1},
    ),
    (
        "expect_figures_to_agree",
        {"query": FIGURES, "direction": "at_least"},
        {"query": FIGURES, "direction": "at_most"},
        {"scope": "all", "expected": 990, "observed": 1000, "compared": 1, "unexpected": 1},
    ),
    (
        "expect_figures_to_agree",
        {"query": FIGURES, "tolerance_share": 0.02},
        {"query": "select 'all' as scope, null as expected, 1 as observed"},
        {"scope": "all", "observed": 1, "compared": 1, "unexpected": 1},
    ),
]


def test_every_type_of_expectation_is_seen_failing() -> None:
    assert {kind for kind, *_ in CASES} == set(EXPECTATIONS)


@pytest.mark.parametrize(("kind", "holds", "fails", "seen"), CASES)
def test_an_expectation_holds_and_fails_with_right_counts(
    numbers: Path,
    kind: str,
    holds: dict[str, Any],
    fails: dict[str, Any],
    seen: dict[str, Any],
) -> None:
    passing, failing = check(numbers, expect(kind, **holds)), check(numbers, expect(kind, **fails))
    assert (passing.passed, passing.skipped, passing.blocks) == (True, False, False)
    assert (failing.passed, failing.skipped, failing.blocks) == (False, False, True)
    assert {key: failing.observed[key] for key in seen} == seen


def test_the_worst_scopes_are_shown_first(numbers: Path) -> None:
    query = (
        "select 'id ' || id as scope, 0 as expected, id as observed from core.numbers"
        " where id between 10 and 19"
    )
    result = check(numbers, expect("expect_figures_to_agree", query=query, tolerance=12))
    assert result.message == (
        "7 of 10 beyond 12; furthest 'id 19': expected 0, observed 19;"
        " likely window: any time, nothing was published before"
    )
    assert result.examples == tuple(
        {"scope": f"id {number}", "expected": 0, "observed": number}
        for number in (19, 18, 17, 16, 15)
    )


@pytest.mark.parametrize(
    ("scopes", "window"),
    [
        (("2026-06-03", "2026-06-01", "2026-06-02"), "2026-06-01 to 2026-06-03"),
        (("2026-06-03",), "2026-06-03"),
        (("deals",), "since 2026-06-29 02:00 UTC"),
    ],
)
def test_a_difference_names_when_it_likely_came_about(
    numbers: Path, tmp_path: Path, scopes: tuple[str, ...], window: str
) -> None:
    published = tmp_path / "published.duckdb"
    with duckdb.connect(str(published)) as connection:
        connection.execute("create schema ops")
        connection.execute(
            "create table ops.publications as"
            " select unnest([timestamp '2026-06-28 02:00', timestamp '2026-06-29 02:00'])"
            " as data_as_of"
        )
    figures = ", ".join(f"('{scope}', 10, 3)" for scope in scopes)
    query = f"select * from (values {figures}, ('fine', 1, 1)) as t(scope, expected, observed)"
    result = check(numbers, expect("expect_figures_to_agree", query=query), published=published)
    assert result.message.endswith(f"likely window: {window}")
    assert result.observed["likely_window"] == window


def test_a_query_may_hold_braces_and_colons(numbers: Path) -> None:
    query = """select '{a}: ' || '2026-01-01 00:00:00'::varchar as scope, 1 as expected,
        json_extract('{"a": 1}', '$.a')::int as observed"""
    assert check(numbers, expect("expect_figures_to_agree", query=query)).passed


def test_what_cannot_be_evaluated_blocks(numbers: Path) -> None:
    kwargs = {"column": "no_such_column", "min_value": 1}
    mild = Expectation("it", "expect_column_values_to_be_between", kwargs, severity="warn")
    result = check(numbers, mild)
    assert result.blocks
    assert "could not be evaluated" in result.message
    assert "no_such_column" in result.message


def test_values_are_plain_python(numbers: Path) -> None:
    kind = "expect_column_values_to_be_between"
    result = check(numbers, expect(kind, column="amount", max_value=5))
    assert {type(each) for each in result.observed.values()} <= {str, int, float, bool}
    assert result.examples == (6, 6, 6, 6, 6)
    json.dumps([dict(result.observed), result.examples])


def texts(folder: Path) -> str:
    return "".join(
        path.read_text(errors="replace")
        for path in folder.rglob("*")
        if path.suffix in {".html", ".json"}
    )


def test_no_address_of_a_person_leaves_the_warehouse(numbers: Path, tmp_path: Path) -> None:
    query = "select email as scope, 1 as expected, 2 as observed from core.numbers"
    result = check(numbers, expect("expect_figures_to_agree", query=query), tmp_path / "docs")
    pages = texts(tmp_path / "docs")
    assert not result.passed
    assert "(e-mail withheld)" in pages
    assert "@company.example" not in pages + repr(result)


def test_values_of_a_personal_column_are_not_shown(numbers: Path, tmp_path: Path) -> None:
    kwargs = {"column": "email", "max_value": 5}
    change(numbers, "update core.numbers set email = 777001 + id", "alter table core.numbers"
           " alter email type bigint")  # fmt: skip
    kind = "expect_column_values_to_be_between"
    personal = Expectation("it", kind, kwargs, personal=True)
    result = check(numbers, personal, tmp_path / "docs")
    assert (result.passed, result.observed["unexpected_count"]) == (False, 1000)
    assert "7770" not in texts(tmp_path / "docs") + repr(result)


def test_data_docs_ask_no_stranger_and_know_no_path(numbers: Path, tmp_path: Path) -> None:
    kind = "expect_table_row_count_to_be_between"
    for _ in range(2):  # the second build replaces the first
        check(numbers, expect(kind, min_value=1001), tmp_path / "docs")
    pages = texts(tmp_path / "docs")
    assert "1001" in pages
    assert str(numbers) not in pages
    assert not [line for line in pages.splitlines() if "<link" in line and "http" in line]
    assert 'src="http' not in pages
    assert len(list((tmp_path / "docs" / "validations").rglob("*.html"))) == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".docs")] == []


def test_nothing_is_read_into_python(numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[int] = []

    def fetchall(cursor: Any) -> Any:
        rows = cursor.__getattr__("fetchall")()
        fetched.append(len(rows))
        return rows

    monkeypatch.setattr(duckdb_engine.CursorWrapper, "fetchall", fetchall, raising=False)
    monkeypatch.setattr(duckdb_engine.CursorWrapper, "fetchmany", lambda *_: fetchall(*_[:1]))
    for kind, _, fails, _ in CASES:
        check(numbers, expect(kind, **fails))
    assert len(fetched) > len(CASES)
    assert max(fetched) <= 20


def states(results: list[CheckResult]) -> dict[str, str]:
    return {
        f"{each.table}.{each.name}": "skipped"
        if each.skipped
        else "passed"
        if each.passed
        else each.message
        for each in results
    }


def test_every_suite_holds_on_a_sound_warehouse(warehouse: Path, published: Path) -> None:
    results = states(validate(warehouse, published=published))
    assert {name: state for name, state in results.items() if state != "passed"} == {}
    assert len(results) == sum(len(suite.expectations) for suite in suites().values())


def test_drift_is_skipped_until_something_is_published(warehouse: Path, tmp_path: Path) -> None:
    results = validate(warehouse, published=tmp_path / "nothing" / "productops.duckdb")
    skipped = {(each.table, each.name) for each in results if each.skipped}
    assert skipped == {
        (suite.table, each.name)
        for suite in suites().values()
        for each in suite.expectations
        if any(need.startswith("published.") for need in each.needs)
    }
    assert {each.message for each in results if each.skipped} == {
        "skipped: nothing is published yet"
    }
    assert not [each for each in results if not each.passed]


def test_a_vendor_that_was_never_configured_is_skipped(warehouse: Path) -> None:
    change(warehouse, "drop schema typeform cascade", "truncate hubspot.source_counts")
    results = validate(warehouse, ["typeform.responses", "hubspot.contacts"])
    assert {(each.skipped, each.message) for each in results} == {
        (True, "skipped: typeform was never loaded"),
        (True, "skipped: hubspot.source_counts is empty"),
    }


def test_a_missing_mart_blocks(warehouse: Path) -> None:
    change(warehouse, "drop schema sales cascade", "drop table hubspot.deals")
    results = validate(warehouse, ["sales.deals", "hubspot.deals"])
    assert all(each.blocks for each in results)
    assert "sales.deals is not in" in results[0].message


# What is broken in the warehouse, and the one check that says so.
DAMAGE: Mapping[str, str] = {
    "delete from posthog.events where uuid like 'event-7-1%'": (
        "posthog.events.source_count_per_day"
    ),
    "update posthog.source_counts set counted_at = counted_at + interval 27 hour": (
        "posthog.events.hours_since_last_arrival"
    ),
    """insert into posthog.source_counts
       values ('events', '2026-02-12', 9, timestamptz '2026-02-12 23:00:00+00')""": (
        "posthog.events.days_behind_the_vendor"
    ),
    """update posthog.events set "timestamp" = timestamptz '2030-01-01'
       where uuid like 'event-8-%'""": "posthog.events.percent_of_events_from_the_future",
    "update posthog.events set event = 'renamed' where uuid > 'event-30' and event = 'signed_up'": (
        "posthog.events.event_names_that_fell_silent"
    ),
    "delete from posthog.events where _inserted_at > timestamptz '2026-02-03 00:00:00+00'": (
        "posthog.events.daily_arrivals_against_four_weeks"
    ),
    "update posthog.exports set interval_end = timestamptz '2026-02-08' where model = 'persons'": (
        "posthog.persons.hours_behind_the_events"
    ),
    "truncate posthog.persons": "posthog.persons.row_count_to_be_between",
    "delete from hubspot.contacts where id < '3'": "hubspot.contacts.live_source_count",
    "update hubspot.contacts set properties = '{}'": "",  # two of 197 are within the budget
    "update hubspot.contacts set updated_at = timestamptz '2026-02-01'": (
        "hubspot.contacts.days_since_last_change"
    ),
    "update hubspot.deals set updated_at = timestamptz '2026-02-01'": (
        "hubspot.deals.days_since_last_change"
    ),
    "update typeform.responses set submitted_at = timestamptz '2025-10-01'": (
        "typeform.responses.days_since_last_response"
    ),
    "update hubspot.companies set archived = true where id < '2'": (
        "hubspot.companies.live_source_count"
    ),
    "update hubspot.deals set archived = true where id < '2'": "hubspot.deals.live_source_count",
    "update hubspot.deals set properties = '{}'": "hubspot.deals.percent_without_a_stage",
    "delete from hubspot.deal_property_history where deal_id < '3'": (
        "hubspot.deal_property_history.live_deals_with_a_stage_history"
    ),
    "delete from hubspot.associations where from_type = 'deals'": (
        "hubspot.associations.objects_asked_for"
    ),
    "delete from typeform.responses where token < 'token-5'": (
        "typeform.responses.source_count_per_form"
    ),
    "update typeform.source_counts set source_count = 20": (
        "typeform.responses.responses_deleted_at_the_vendor"
    ),
    "truncate typeform.answers": "typeform.answers.responses_with_an_answer",
    "delete from surveymonkey.responses where id < 'reply-5'": (
        "surveymonkey.responses.source_count_per_survey"
    ),
    # Rows of an older reading are those of responses that are gone.
    "update surveymonkey.survey_reads set generation = 3": (
        "surveymonkey.responses.source_count_per_survey"
    ),
    "update surveymonkey.source_counts set source_count = 20": (
        "surveymonkey.responses.responses_deleted_at_the_vendor"
    ),
    "update surveymonkey.survey_reads set waits_since = timestamptz '2026-02-01 00:00:00+00'": (
        "surveymonkey.responses.days_that_surveys_wait"
    ),
    "update surveymonkey.responses set created_at = timestamptz '2025-06-01'": (
        "surveymonkey.responses.days_since_last_response"
    ),
    "truncate surveymonkey.answers": "surveymonkey.answers.responses_with_an_answer",
    "truncate surveymonkey.choices; insert into surveymonkey.choices values ('1', '2', '3')": (
        "surveymonkey.answers.choices_that_are_known"
    ),
    "update surveymonkey.responses set status = 'partial'": (
        "research.survey_responses.survey_answers_no_more_than_arrived"
    ),
    "update core.accounts set first_seen_at = timestamp '2030-01-01'": (
        "core.accounts.accounts_from_the_future"
    ),
    "insert into core.accounts select accounts.* replace ('x' || i as account_id)"
    " from core.accounts, range(300) as r(i)": "core.accounts.accounts_with_a_crm_company",
    "delete from core.accounts where account_id < 'account_8'": (
        "core.accounts.accounts_against_published"
    ),
    "delete from core.people where person_id > 'user_2'": "core.people.people_against_published",
    "update core.people set account_id = null where person_id > 'user_2'": (
        "core.people.percent_with_an_account_against_published"
    ),
    "update core.people set account_id = null": "core.people.account_id_values_to_not_be_null",
    "insert into core.quarantine select quarantine.* replace (row_key || '-' || i as row_key)"
    " from core.quarantine, range(5) as r(i)": "core.quarantine.quarantined_rows_per_table",
    "insert into core.quarantine select 'posthog', 'events', i, 'event_id', 'missing', '', 1"
    " from range(12) as r(i)": "core.quarantine.quarantined_rows_against_published",
    "update product.daily_active_people set event_count = event_count * 3": (
        "product.daily_active_people.events_no_more_than_arrived"
    ),
    "delete from product.daily_active_people where active_date = date '2026-01-09'": (
        "product.daily_active_people.days_present"
    ),
    "delete from product.daily_active_people where person_id > 'user_4'": (
        "product.daily_active_people.people_a_day_against_published"
    ),
    "delete from product.daily_active_people where person_id > 'user_22'": (
        "product.daily_active_people.history_rewritten"
    ),
    "update product.daily_active_people set event_count = 100001 where person_id = 'user_1'": (
        "product.daily_active_people.event_count_values_to_be_between"
    ),
    "update product.feature_adoption_weekly set use_count = -1": (
        "product.feature_adoption_weekly.use_count_values_to_be_between"
    ),
    "update product.feature_adoption_weekly set stage = 'dropped'": (
        "product.feature_adoption_weekly.stages_that_contradict_their_use"
    ),
    "update product.feature_adoption_weekly set people_count = people_count + 1": (
        "product.feature_adoption_weekly.adopters_beyond_the_active"
    ),
    "update product.feature_adoption_weekly set use_count = use_count + 1": (
        "product.feature_adoption_weekly.uses_no_more_than_events"
    ),
    "update product.feature_adoption_weekly set feature_id = 'gantt'": (
        "product.feature_adoption_weekly.adoption_by_feature_against_published"
    ),
    "update product.engagement_daily set dau = dau + 1, wau = 60, mau = 60": (
        "product.engagement_daily.people_a_day"
    ),
    "update product.engagement_daily set wau = 1": (
        "product.engagement_daily.windows_out_of_order"
    ),
    "update product.engagement_daily set mau = mau + 1 where breakdown = 'plan'": (
        "product.engagement_daily.breakdowns_make_the_total"
    ),
    "update product.retention_cohorts set cohort_size = 10 * cohort_size": (
        "product.retention_cohorts.people_in_cohorts"
    ),
    "update product.retention_cohorts set retained = retained + 1": (
        "product.retention_cohorts.more_retained_than_there_were"
    ),
    "update product.lifecycle_weekly set unit_count = unit_count + 1 where status = 'new'": (
        "product.lifecycle_weekly.active_people_a_week"
    ),
    "update product.lifecycle_weekly set unit_count = -1 where status = 'dormant'": (
        "product.lifecycle_weekly.bridge_between_weeks"
    ),
    "update product.experiment_results set srm_p = 1e-8": (
        "product.experiment_results.effects_of_broken_assignments"
    ),
    "update product.experiment_results set srm_p = 1e-8, effect = null,"
    " verdict = 'sample ratio mismatch'": "product.experiment_results.arms_assigned_unevenly",
    "update product.experiment_results set converted = 101": (
        "product.experiment_results.more_converted_than_assigned"
    ),
    "update product.paths set path_count = 1000000": "product.paths.steps_no_more_than_events",
    "update product.funnels set people_count = step": (
        "product.funnels.steps_with_more_people_than_the_step_before"
    ),
    "delete from sales.deals where deal_id = '3'": "sales.deals.live_deals_against_crm",
    "update sales.deals set amount_usd = amount_usd + 0.01": "sales.deals.amount_against_crm",
    "update sales.deals set amount_usd = -1": "sales.deals.amount_usd_values_to_be_between",
    "update sales.deals set closed_at = timestamp '2025-12-01' where is_closed": (
        "sales.deals.deals_closed_before_created"
    ),
    "delete from sales.deals where deal_id < '2'": "sales.deals.deals_against_published",
    "update sales.deals set amount_usd = amount_usd * 2": (
        "sales.deals.average_amount_against_published"
    ),
    "update sales.deals set is_won = false where deal_id < '5'": (
        "sales.deals.win_rate_against_published"
    ),
    "delete from sales.pipeline_daily where snapshot_date = date '2026-02-10'"
    " and deal_id < '2'": "sales.pipeline_daily.open_deals_today",
    "delete from sales.pipeline_daily where snapshot_date = date '2026-01-09'": (
        "sales.pipeline_daily.days_without_a_gap"
    ),
    "update sales.pipeline_daily set amount_usd = amount_usd * 1.02": (
        "sales.pipeline_daily.past_amounts_against_published"
    ),
    "update sales.pipeline_daily set amount_usd = amount_usd * 2": (
        "sales.pipeline_daily.past_pipeline_rewritten"
    ),
    "insert into marketing.signups select * from marketing.signups": (
        "marketing.signups.signups_no_more_than_events"
    ),
    "delete from marketing.signups where signup_id < 'event-3'": (
        "marketing.signups.signups_found_for_events"
    ),
    "delete from marketing.signups where signup_id < 'event-12'": (
        "marketing.signups.signups_against_published"
    ),
    "update marketing.signups set channel = 'direct'": "marketing.signups.percent_direct",
    "update marketing.signups set channel = 'webinar' where signup_id < 'event-2'": (
        "marketing.signups.channel_mix_against_published"
    ),
    "delete from ads.linkedin_costs": "ads.google_costs.source_count_per_month",
    "update ads.source_counts set counted_at = timestamptz '2026-06-01'": (
        "ads.google_costs.days_since_last_month_with_costs"
    ),
    "delete from stripe.subscriptions where id = 'sub_1'": (
        "stripe.subscriptions.source_count_per_day"
    ),
    "delete from stripe.subscription_items where id = 'si_1'": (
        "stripe.subscriptions.subscriptions_without_an_item"
    ),
    "delete from stripe.customers where id = 'cus_1'": (
        "stripe.subscriptions.subscriptions_of_unknown_customers"
    ),
    "delete from stripe.invoices where id = 'in_1'": "stripe.invoices.source_count_per_day",
    "update stripe.invoice_lines set amount = amount + 1 where invoice = 'in_1'": (
        "stripe.invoices.lines_sum_to_subtotals"
    ),
    "update stripe.invoices set total = -1": "stripe.invoices.negative_without_a_credit_note",
    "update stripe.source_counts set counted_at = timestamptz '2026-06-01'": (
        "stripe.invoices.days_since_last_invoice"
    ),
    "update stripe.invoice_lines set quantity = -1": (
        "stripe.invoice_lines.quantity_values_to_be_between"
    ),
    "update stripe.invoice_lines set price = 'price_2' where invoice = 'in_1'": (
        "stripe.invoice_lines.lines_of_unknown_prices"
    ),
    "delete from zendesk.organizations where id < 'org_2'": "zendesk.tickets.source_count",
    "delete from zendesk.users where id < 'user_2'": "zendesk.tickets.tickets_of_unknown_users",
    "update zendesk.tickets set description = ' ' where id < 'ticket_2'": (
        "zendesk.tickets.tickets_with_a_text"
    ),
    "update zendesk.tickets set solved_at = null": "zendesk.tickets.solved_tickets_without_a_time",
    "update zendesk.source_counts set counted_at = timestamptz '2026-03-01'": (
        "zendesk.tickets.days_since_last_ticket"
    ),
    "delete from zendesk.satisfaction_ratings": (
        "zendesk.satisfaction_ratings.ratings_that_tickets_show"
    ),
    "delete from intercom.conversations where id < 'talk_2'": "intercom.conversations.source_count",
    "insert into intercom.live_conversations select created_date, id || 'x'"
    " from intercom.live_conversations": (
        "intercom.conversations.conversations_deleted_at_the_vendor"
    ),
    "delete from intercom.contacts where id < 'contact_4'": (
        "intercom.conversations.conversations_of_unknown_contacts"
    ),
    "update intercom.conversations set body = null where id < 'talk_5'": (
        "intercom.conversations.conversations_with_a_text"
    ),
    "update intercom.source_counts set counted_at = timestamptz '2026-03-01'": (
        "intercom.conversations.days_since_last_conversation"
    ),
    "delete from linear.customer_needs where id = 'n1'": "linear.customers.listed_objects_held",
    "delete from linear.customer_keys where customer < 'c5'": (
        "linear.customers.customers_nobody_can_place"
    ),
    "update linear.customer_needs set customer = null where id < 'n3'": (
        "linear.customer_needs.needs_of_unknown_customers"
    ),
    "delete from linear.issues where id = 'i1'": "linear.issues.issues_counted_by_teams",
    "delete from linear.workflow_states": "linear.issues.issues_in_unknown_states",
    "update linear.issues set completed_at = started_at - interval 1 day": (
        "linear.issues.completed_before_started"
    ),
    "update linear.source_counts set counted_at = timestamptz '2026-04-01'": (
        "linear.issues.days_since_last_change"
    ),
    "delete from github.deployments where id = 'dp1'": "github.releases.listed_objects_held",
    "update github.releases set listed_at = listed_at - interval 1 day where id = 'r1'": (
        "github.releases.listed_objects_held"
    ),
    "update github.pulls set merged_at = null where id < 'p6'": (
        "github.deployments.deployments_of_known_merges"
    ),
    "update github.pulls set merged_at = created_at - interval 1 second where id = 'p3'": (
        "github.pulls.merged_before_opened"
    ),
    "update github.source_counts set counted_at = timestamptz '2026-03-01'": (
        "github.pulls.days_since_last_change"
    ),
    "update github.issues set body = 'It broke.' where id < 'idp6'": (
        "github.issues.incidents_that_name_their_cause"
    ),
    "delete from delivery.changes where change_id < 'p4'": "delivery.changes.merged_pulls_found",
    "update delivery.changes set merged_at = deployed_at + interval 1 second"
    " where change_id = 'p4'": "delivery.changes.changes_deployed_before_they_were_merged",
    "delete from delivery.deployments where deployment_id < 'dp4'": (
        "delivery.deployments.deployments_found"
    ),
    "update delivery.deployments set incident_count = 2 where deployment_id = 'dp4'": (
        "delivery.deployments.incidents_are_laid_to_one_deployment"
    ),
    "update delivery.changes set release_tag = null where change_id = 'p4'": (
        "delivery.release_quality.released_changes_counted_once"
    ),
    "update delivery.deployments set is_failed = false where deployment_id = 'dp4'": (
        "delivery.delivery_performance_weekly.deployments_of_weeks_counted_once"
    ),
    "delete from delivery.shipped_items": ("delivery.shipped_items.completed_projects_found"),
    "update delivery.shipped_items set completed_at = completed_at - interval 90 day": (
        "delivery.shipped_items.items_released_long_after_they_were_done"
    ),
    "update product.release_accounts set has_asked = false": (
        "product.release_accounts.who_asked_is_found"
    ),
    "update product.rollout_results set user_count = 21": (
        "product.rollout_results.more_people_than_there_are"
    ),
    "update product.release_outcomes set case_count = 2": (
        "product.release_outcomes.requesters_told_as_the_accounts_say"
    ),
    "delete from research_files.contacts where participant_id = 'panel_1'": (
        "research_files.participants.row_count_of_the_largest_file"
    ),
    "insert into research_files.bad_rows select 'contacts.csv', line, 'contacts' from range(3)"
    " as lines(line)": "research_files.participants.bad_rows_of_files",
    "update research_files.contacts set participant_id = 'x'": (
        "research_files.contacts.contacts_of_unknown_participants"
    ),
    "delete from research_files.consents where participant_id = 'panel_1'": (
        "research_files.contacts.participants_without_a_consent"
    ),
    "update sales.mrr_movements set churn_mrr_usd = -0.01 where account_id = 'account_1'": (
        "sales.mrr_movements.movements_make_the_closing_mrr"
    ),
    "update sales.mrr_movements set opening_mrr_usd = 549.99, expansion_mrr_usd = 0.01"
    " where not is_complete": "sales.mrr_movements.months_open_as_the_month_before_closed",
    "update research.feedback set weight = 0.5 where item_id = 'linear:n1'": (
        "research.feedback.items_whose_weights_do_not_sum_to_one"
    ),
    "update zendesk.tickets set status = 'deleted' where id < 'ticket_5'": (
        "research.feedback.tickets_heard"
    ),
    "delete from intercom.live_conversations where id < 'talk_5'": (
        "research.feedback.conversations_heard"
    ),
    "delete from research.feedback where source = 'research_files'": (
        "research.feedback.notes_heard"
    ),
    "delete from research.feedback where source = 'linear' and item_id < 'linear:n7'": (
        "research.feedback.needs_heard"
    ),
    "delete from research.feedback where source = 'zendesk' and item_id < 'zendesk:ticket_19'": (
        "research.feedback.items_against_published"
    ),
    "update research.feedback set theme = 'unclassified' where theme = 'reporting'": (
        "research.feedback.themes_against_published"
    ),
    "update research.theme_quality set macro_f1 = 0.84": (
        "research.theme_quality.themes_good_enough_to_show"
    ),
    "update research.theme_quality set found_count = 5 where theme = 'reporting'": (
        "research.theme_quality.gold_texts_classified"
    ),
    "update research.unmet_needs_monthly set allocated_arr_usd = 9901.5": (
        "research.unmet_needs_monthly.allocated_arr_beyond_what_is_paid"
    ),
    "update research.unmet_needs_monthly set mention_count = mention_count + 2"
    " where segment = 'smb'": "research.unmet_needs_monthly.segments_make_all",
    "update research.unmet_needs_monthly set month_mention_count = month_mention_count + 1": (
        "research.unmet_needs_monthly.mentions_against_feedback"
    ),
    "update research.unmet_needs_monthly set touched_arr_usd = 2999.5": (
        "research.unmet_needs_monthly.more_allocated_than_touched"
    ),
    "update product.roadmap_evidence set allocated_arr_usd = 19801.5": (
        "product.roadmap_evidence.allocated_arr_beyond_what_is_paid"
    ),
    "insert into product.roadmap_evidence select * replace ('p2' as roadmap_item_id)"
    " from product.roadmap_evidence": "product.roadmap_evidence.items_that_linear_lists",
    "update product.roadmap_evidence set rice_score = 3": (
        "product.roadmap_evidence.scores_without_their_inputs"
    ),
    "update stripe.subscription_items set quantity = 12": (
        "core.accounts.mrr_now_against_subscription_items"
    ),
    "update core.accounts set mrr_usd = mrr_usd + 1 where account_id = 'account_1'": (
        "sales.mrr_movements.running_month_against_accounts"
    ),
    "update product.feature_reach_weekly set active_account_count = active_account_count + 1": (
        "product.feature_reach_weekly.active_accounts_of_the_lifecycle"
    ),
    "update product.feature_reach_weekly set account_count = 0": (
        "product.feature_reach_weekly.accounts_that_used_a_feature"
    ),
    "update sales.retained_mrr_monthly set year_ago_mrr_usd = year_ago_mrr_usd + 0.01": (
        "sales.retained_mrr_monthly.mrr_of_a_year_ago_as_it_closed"
    ),
    "update sales.revenue_monthly set mrr_usd = mrr_usd + 0.01": (
        "sales.revenue_monthly.mrr_as_accounts_pay"
    ),
    "update sales.revenue_monthly set mrr_usd = mrr_usd * 2": (
        "sales.revenue_monthly.past_mrr_against_published"
    ),
    "update core.accounts set first_paid_at = null where account_id = 'account_1'": (
        "marketing.channel_performance_monthly.first_payments_of_accounts"
    ),
    "update marketing.channel_performance_monthly set churned_6m_count = 3": (
        "marketing.channel_performance_monthly.churned_no_more_than_matured"
    ),
    "insert into marketing.sessions select sessions.* from marketing.sessions, range(4)": (
        "marketing.sessions.session_events_no_more_than_arrived"
    ),
    "delete from marketing.sessions where session_id < 'event-3'": (
        "marketing.sessions.sessions_against_published"
    ),
    "insert into marketing.touchpoints select * from marketing.touchpoints": (
        "marketing.touchpoints.touches_no_more_than_page_views"
    ),
    "delete from marketing.attribution where channel = 'direct'": (
        "marketing.attribution.weights_sum_to_one"
    ),
    "insert into marketing.attribution select * replace ('x' as conversion_id)"
    " from marketing.attribution": "marketing.attribution.conversions_for_won_accounts",
    "update ads.meta_costs set spend = '4.50'": (
        "marketing.channel_performance_monthly.spend_as_the_platforms_bill"
    ),
    "delete from marketing.channel_performance_monthly where channel = 'webinar'": (
        "marketing.channel_performance_monthly.final_spend_rewritten"
    ),
    "update marketing.lead_funnel_weekly set signup_count = signup_count - 1": (
        "marketing.lead_funnel_weekly.funnel_holds_every_signup"
    ),
    "update marketing.lead_funnel_weekly set won_count = 3": (
        "marketing.lead_funnel_weekly.later_steps_no_larger"
    ),
    "update product.feature_retention set other_count = 3": (
        "product.feature_retention.users_and_others_are_everybody_who_was_there"
    ),
    "update product.feature_retention set other_retained_count = 2": (
        "product.feature_retention.retained_beyond_those_who_were_there"
    ),
    "delete from sales.product_qualified_leads": (
        "sales.product_qualified_leads.accounts_with_a_sign_up"
    ),
    "update sales.product_qualified_leads set is_qualified = true": (
        "sales.product_qualified_leads.scores_out_of_range"
    ),
    "update sales.deal_stages set stage_id = 'another'": (
        "sales.deal_stages.deals_in_their_stage_now"
    ),
    "update sales.deal_stages set days_in_stage = -1": (
        "sales.deal_stages.days_in_stage_values_to_be_between"
    ),
    "update sales.stage_conversion_monthly set went_on_count = 9": (
        "sales.stage_conversion_monthly.more_went_on_than_came"
    ),
    "update sales.pipeline_monthly set won_usd = won_usd - 1": (
        "sales.pipeline_monthly.won_against_deals"
    ),
    "delete from sales.account_health_daily where account_id = 'account_1'": (
        "sales.account_health_daily.mrr_of_the_last_day_against_billing"
    ),
    "insert into sales.account_health_daily select account_id || number, score_date, 0, 'at risk'"
    " from sales.account_health_daily, range(9) as numbers(number)": (
        "sales.account_health_daily.accounts_at_risk_all_at_once"
    ),
    "update sales.score_backtests set hit_count = 6": (
        "sales.score_backtests.hits_beyond_what_was_flagged_or_happened"
    ),
    "update sales.account_360 set mrr_usd = mrr_usd * 2": (
        "sales.account_360.sums_of_every_account"
    ),
    "insert into research.survey_responses select * replace ('posthog' as source)"
    " from research.survey_responses": "research.survey_responses.submissions_no_more_than_sent",
    "insert into research.survey_responses select * replace (token || 'x' as token)"
    " from research.survey_responses": ("research.survey_responses.responses_no_more_than_arrived"),
    "delete from research.survey_responses where token < 'token-5'": (
        "research.survey_responses.responses_found"
    ),
    "delete from research.survey_responses where token < 'token-6'": (
        "research.survey_responses.responses_against_published"
    ),
    "update research.survey_responses set score = 11": (
        "research.survey_responses.scores_off_the_scale"
    ),
    "update research.survey_responses set score = 7": (
        "research.survey_responses.average_score_against_published"
    ),
    "update research.survey_responses set nps_points = -100": (
        "research.survey_responses.nps_points_mean_to_be_between"
    ),
    "update core.account_history set mrr_usd = mrr_usd * 2": (
        "core.account_history.what_holds_now_is_what_accounts_say"
    ),
    "update research.nps set answer_count = answer_count - 1 where breakdown = 'segment'": (
        "research.nps.nps_counts_every_answer"
    ),
    "update research.csat set answer_count = answer_count + 1 where breakdown = 'total'": (
        "research.csat.csat_counts_every_answer"
    ),
    "delete from research.studies": "research.studies.studies_of_the_register",
    "update research.recruiting_pool set last_contacted_at = null": (
        "research.recruiting_pool.everybody_approached_is_known"
    ),
    "insert into research.recruiting_pool select * replace (panellist_id || 'x' as panellist_id)"
    " from research.recruiting_pool": "research.recruiting_pool.a_panel_for_each_study",
}


@pytest.mark.parametrize(("damage", "said_by"), DAMAGE.items())
def test_damage_is_seen(warehouse: Path, published: Path, damage: str, said_by: str) -> None:
    change(warehouse, damage)
    schema, table, _ = said_by.split(".") if said_by else ("hubspot", "contacts", "")
    results = validate(warehouse, [f"{schema}.{table}"], published)
    failed = {f"{each.table}.{each.name}" for each in results if not each.passed}
    assert said_by in failed if said_by else not failed


ERASED_HERE = {
    "posthog": "delete from posthog.events where uuid like 'event-3-%' and uuid < 'event-3-3';"
    " insert into posthog.erased_counts"
    " select 'events', scope, 'one', source_count - (select count(distinct uuid)"
    " from posthog.events where uuid like 'event-3-%') from posthog.source_counts"
    " where scope = '2026-01-04'",
    "hubspot": "delete from hubspot.contacts where id < '3'; insert into hubspot.erased_counts"
    " select 'contacts', 'live', 'one', source_count - (select count(*) from hubspot.contacts)"
    " from hubspot.source_counts where table_name = 'contacts'",
    "research_files": "delete from research_files.contacts where participant_id = 'panel_1';"
    " insert into research_files.erased_counts values ('contacts', 'contacts.csv', 'one', 1)",
    "typeform": "delete from typeform.responses where token < (select median(token)"
    " from typeform.responses); insert into typeform.erased_counts"
    " select 'responses', scope, 'one', source_count - (select count(*) from typeform.responses"
    " where form_id = scope) from typeform.source_counts",
    "surveymonkey": "delete from surveymonkey.responses where id < (select median(id)"
    " from surveymonkey.responses); insert into surveymonkey.erased_counts"
    " select 'responses', scope, 'one', source_count - (select count(*)"
    " from surveymonkey.responses where survey_id = scope and generation = 2)"
    " from surveymonkey.source_counts",
    "zendesk": "delete from zendesk.tickets where id < 'ticket_2'; insert into"
    " zendesk.erased_counts select 'tickets', 'live', 'one', 100 - (select count(*) from"
    " zendesk.tickets)",
    "intercom": "delete from intercom.conversations where id < 'talk_2'; insert into"
    " intercom.erased_counts select 'conversations', 'live', 'one', 100 - (select count(*) from"
    " intercom.conversations)",
}


@pytest.mark.parametrize("source", ERASED_HERE)
def test_rows_erased_here_are_no_loss_and_others_are(
    warehouse: Path, tmp_path: Path, source: str
) -> None:
    tables = [suite.table for suite in suites().values() if suite.table.startswith(f"{source}.")]

    def blocked(path: Path) -> set[str]:
        return {
            f"{result.table}.{result.name}"
            for result in validate(path, tables)
            if result.blocks and "count" in result.name
        }

    assert blocked(change(copied(warehouse, tmp_path / "erased"), ERASED_HERE[source])) == set()
    lost = f"delete from {source}.erased_counts"
    assert blocked(change(copied(warehouse, tmp_path / "lost"), f"{ERASED_HERE[source]}; {lost}"))


def test_every_comparison_is_seen_failing() -> None:
    never = {
        f"{suite.table}.{each.name}"
        for suite in suites().values()
        for each in suite.expectations
        if each.type == "expect_figures_to_agree"
    } - set(DAMAGE.values())
    assert never == set()


def test_the_file_is_free_for_a_writer_afterwards(numbers: Path) -> None:
    check(numbers, expect("expect_table_row_count_to_be_between", min_value=1))
    change(numbers, "insert into core.numbers (id) values (1000)")


def test_a_table_without_a_suite_is_named(numbers: Path) -> None:
    with pytest.raises(SuiteError, match=r"'sales.leads' has no suite; those with one: .*sales"):
        validate(numbers, ["sales.leads"])


def test_no_warehouse_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(WarehouseUnreadableError, match="There is no warehouse at"):
        validate(tmp_path / "absent.duckdb")


def test_a_locked_warehouse_is_one_message(numbers: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(numbers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout
        writer.stdout.readline()
        with pytest.raises(WarehouseUnreadableError, match="close what holds it open"):
            validate(numbers)
        writer.communicate(b"\n")


def run(warehouse: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "expectations", "--warehouse", str(warehouse), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PRODUCTOPS_DATA": str(warehouse.parent)},
    )


def test_the_command_says_a_line_a_check_and_fails_on_an_error(
    warehouse: Path, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    sound = run(warehouse, "--tables", "sales.deals", "--data-docs", str(docs))
    assert sound.returncode == 0, sound.stderr
    assert len(sound.stdout.splitlines()) == len(suites()["sales.deals"].expectations)
    assert (docs / "index.html").exists()
    change(warehouse, "delete from sales.deals where deal_id = '3'")
    broken = run(warehouse, "--tables", "sales.deals")
    assert broken.returncode == 1
    assert "FAIL  sales.deals  live_deals_against_crm  1 of 1 beyond 0; furthest" in broken.stdout


def test_the_command_names_a_table_it_does_not_know(warehouse: Path) -> None:
    result = run(warehouse, "--tables", "sales.leads")
    assert result.returncode == 2
    assert result.stderr.startswith("Table 'sales.leads' has no suite")
    assert duckdb.connect(str(warehouse), read_only=True)
