"""Suites are read strictly: what cannot be run is named before anything runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from expectations import Suite, SuiteError, suites


def test_every_planned_table_has_a_suite() -> None:
    assert set(suites()) >= {
        "posthog.events",
        "hubspot.contacts",
        "hubspot.companies",
        "hubspot.deals",
        "typeform.responses",
        "surveymonkey.responses",
        "surveymonkey.answers",
        "core.accounts",
        "core.people",
        "product.daily_active_people",
        "product.engagement_daily",
        "product.experiment_results",
        "product.feature_adoption_weekly",
        "product.feature_reach_weekly",
        "product.lifecycle_weekly",
        "product.paths",
        "product.retention_cohorts",
        "sales.deals",
        "sales.pipeline_daily",
        "marketing.signups",
        "marketing.sessions",
        "marketing.touchpoints",
        "marketing.attribution",
        "marketing.channel_performance_monthly",
        "marketing.lead_funnel_weekly",
        "ads.google_costs",
        "stripe.subscriptions",
        "stripe.invoices",
        "stripe.invoice_lines",
        "zendesk.tickets",
        "zendesk.satisfaction_ratings",
        "intercom.conversations",
        "linear.customers",
        "linear.customer_needs",
        "linear.issues",
        "github.releases",
        "github.deployments",
        "github.pulls",
        "github.issues",
        "research_files.participants",
        "research_files.contacts",
        "sales.mrr_movements",
        "sales.revenue_monthly",
        "core.account_history",
        "sales.retained_mrr_monthly",
        "research.survey_responses",
        "research.nps",
        "research.csat",
        "research.studies",
        "research.recruiting_pool",
        "research.feedback",
        "research.theme_quality",
        "research.unmet_needs_monthly",
        "product.roadmap_evidence",
        "delivery.changes",
        "delivery.deployments",
        "delivery.release_quality",
        "delivery.delivery_performance_weekly",
        "delivery.shipped_items",
        "product.release_accounts",
        "product.rollout_results",
        "product.release_outcomes",
    }


def test_reading_suites_does_not_import_great_expectations() -> None:
    code = (
        "import sys, expectations, expectations.validation; expectations.suites();"
        "sys.exit('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def read(folder: Path, text: str) -> dict[str, Suite]:
    (folder / "sales.yml").write_text(text)
    return suites(folder)


def test_an_expectation_is_an_error_unless_it_says_otherwise(tmp_path: Path) -> None:
    row_count = "{type: expect_table_row_count_to_be_between, kwargs: {min_value: 1}}"
    (expectation,) = read(tmp_path, f"sales.deals: [{row_count}]")["sales.deals"].expectations
    assert (expectation.name, expectation.severity) == ("row_count_to_be_between", "error")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sales.deals: [{type: expect_wonders}]", "'expect_wonders' is unknown; use one of"),
        ("crm.deals: [{type: expect_wonders}]", "table 'crm.deals' is not of this file"),
        ("sales.deals: {}", "expects a list of expectations"),
        ("sales.deals: [{kwargs: {}}]", "has no `type`"),
        (
            "sales.deals: [{type: expect_table_row_count_to_be_between, kwargs: {min_value: 1},"
            " severity: fatal}]",
            "severity 'fatal' is unknown; use 'error' or 'warn'",
        ),
        (
            "sales.deals: [{type: expect_table_row_count_to_be_between, kwargs: {min: 1}}]",
            "unknown argument 'min'; it takes",
        ),
        (
            "sales.deals: [{type: expect_table_row_count_to_be_between, kwargs: {min_value: no}}]",
            "min_value is False; give a number",
        ),
        ("sales.deals: [{type: expect_table_row_count_to_be_between}]", "has no bound"),
        (
            "sales.deals: [{type: expect_column_values_to_be_between, kwargs: {min_value: 1}}]",
            "lacks 'column'",
        ),
        (
            "sales.deals: [{type: expect_figures_to_agree, kwargs: {query: select 1}}]",
            "lacks a `name`",
        ),
        (
            "sales.deals: [{type: expect_figures_to_agree, name: a, kwargs:"
            " {query: select 1, direction: up}}]",
            "direction 'up' is unknown",
        ),
        (
            "sales.deals: [{type: expect_figures_to_agree, name: a, kwargs: {query: select 1},"
            " needs: [deals]}]",
            "must list relations as `schema.table`",
        ),
        (
            "sales.deals: [{type: expect_figures_to_agree, name: a b, kwargs: {query: select 1}}]",
            "name 'a b' may hold only",
        ),
        (
            "sales.deals: [{type: expect_figures_to_agree, name: a, kwargs: {query: select 1}},"
            " {type: expect_figures_to_agree, name: a, kwargs: {query: select 2}}]",
            "the name 'a' is used 2 times",
        ),
        ("sales.deals: [{type: a}]\nsales.deals: [{type: b}]", "stands twice"),
        ("sales.deals: [", "not valid YAML"),
        ("", "holds no tables"),
    ],
)
def test_a_mistake_names_file_value_and_remedy(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SuiteError) as error:
        read(tmp_path, text)
    assert "sales.yml" in str(error.value)
    assert named in str(error.value)
