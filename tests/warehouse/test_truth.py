"""Published marts against the second, naive count of the same company: equal to the digit."""

from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Job


@pytest.fixture(
    params=["built", pytest.param("built_lite", marks=pytest.mark.slow)], ids=["tiny", "demo-lite"]
)
def job(request: pytest.FixtureRequest) -> Job:
    published: Job = request.getfixturevalue(request.param)
    return published


def by_key(rows: list[tuple]) -> dict[str, Any]:
    return {str(key): value for key, value in rows}


def test_daily_active_people(job: Job) -> None:
    rows = job.query(
        "select active_date, count(distinct person_id) from product.daily_active_people group by 1"
    )
    assert by_key(rows) == job.truth["daily_active_people"]


def test_feature_adoption_weekly(job: Job) -> None:
    rows = job.query(
        "select feature_id, week_start, count(*), sum(people_count), sum(use_count)"
        " from product.feature_adoption_weekly group by 1, 2"
    )
    seen: dict[str, dict[str, dict[str, int]]] = {}
    for feature, week, accounts, people, uses in rows:
        seen.setdefault(feature, {})[str(week)] = {
            "accounts": accounts,
            "people": int(people),
            "uses": int(uses),
        }
    assert seen == job.truth["feature_adoption_weekly"]


def test_deals(job: Job) -> None:
    [row] = job.query(
        """
        select
            count(*),
            count(*) filter (where not is_closed),
            count(*) filter (where is_won),
            count(*) filter (where is_closed and not is_won),
            coalesce(sum(amount_usd) filter (where is_won), 0),
            coalesce(sum(amount_usd) filter (where is_closed and not is_won), 0),
            coalesce(sum(amount_usd) filter (where not is_closed), 0)
        from sales.deals
        """
    )
    truth = job.truth["deals"]
    counts = [truth[name] for name in ("count", "open", "won", "lost")]
    amounts = [Decimal(truth[f"{name}_amount"]) for name in ("won", "lost", "open")]
    assert list(row) == counts + amounts


def test_pipeline_daily_is_as_it_was(job: Job) -> None:
    rows = job.query(
        "select snapshot_date, count(*), coalesce(sum(amount_usd), 0)"
        " from sales.pipeline_daily group by 1"
    )
    seen = {str(day): (deals, amount) for day, deals, amount in rows}
    expected = {
        day: (figures["deals"], Decimal(figures["amount"]))
        for day, figures in job.truth["pipeline_daily"].items()
        if figures["deals"]
    }
    assert seen == expected


def test_signups_by_first_touch(job: Job) -> None:
    truth = job.truth["signups"]
    by_channel = job.query("select channel, count(*) from marketing.signups group by 1")
    by_month = job.query(
        "select strftime(signed_up_at, '%Y-%m'), count(*) from marketing.signups group by 1"
    )
    assert by_key(by_channel) == {
        name: count for name, count in truth["by_channel"].items() if count
    }
    assert by_key(by_month) == {month: count for month, count in truth["by_month"].items() if count}


def test_nps_is_a_plain_average_of_points(job: Job) -> None:
    rows = job.query(
        """
        select
            wave, count(*), count(*) filter (where nps_points = 100),
            count(*) filter (where nps_points = 0), count(*) filter (where nps_points = -100),
            avg(nps_points)
        from research.survey_responses
        where metric = 'nps' and is_counted
        group by wave
        """
    )
    truth = job.truth["nps"]
    counts = {wave: tuple(figures) for wave, *figures in rows}
    assert {wave: figures[:4] for wave, figures in counts.items()} == {
        wave: tuple(figures[name] for name in ("responses", "promoters", "passives", "detractors"))
        for wave, figures in truth.items()
    }
    assert {wave: figures[4] for wave, figures in counts.items()} == pytest.approx(
        {wave: figures["nps"] for wave, figures in truth.items()}, abs=1e-4
    )


def test_identity(job: Job) -> None:
    truth = job.truth["identity"]
    [(accounts,)] = job.query("select count(*) from core.accounts")
    [(anonymous, twice)] = job.query(
        """
        with anonymous as (
            select person_id, count(*) as ids
            from core.identities
            where identity_type = 'distinct_id' and is_anonymous
                and person_rule = 'persons_version'
            group by person_id
        )
        select coalesce(sum(ids), 0), count(*) filter (where ids = 2) from anonymous
        """
    )
    [(merged,)] = job.query(
        "select count(*) from core.identities"
        " where identity_type = 'company' and account_rule = 'merged'"
    )
    assert {
        "accounts": accounts,
        "anonymous_ids": int(anonymous),
        "people_with_two_anonymous_ids": twice,
        "merged_companies": merged,
    } == {
        name: truth[name]
        for name in (
            "accounts",
            "anonymous_ids",
            "people_with_two_anonymous_ids",
            "merged_companies",
        )
    }


def test_conversions_by_first_and_last_touch(job: Job) -> None:
    truth = job.truth["T4"]
    for model in ("first_touch", "last_touch"):
        rows = job.query(
            "select channel, count(*) from marketing.attribution"
            f" where model = '{model}' group by 1"
        )
        assert by_key(rows) == truth[model]
        [(conversions,)] = job.query(
            f"select sum({model}_conversion_count) from marketing.channel_performance_monthly"
        )
        assert conversions == truth["customers"]


def test_every_model_shares_out_every_conversion(job: Job) -> None:
    rows = job.query("select model, sum(weight) from marketing.attribution group by 1")
    assert len(rows) == 9
    assert by_key(rows) == pytest.approx({model: job.truth["T4"]["customers"] for model, _ in rows})


def test_spend_and_cost_of_a_customer(job: Job) -> None:
    truth = job.truth["T4"]
    rows = job.query(
        """
        select
            channel, sum(spend_usd), sum(first_touch_conversion_count),
            sum(last_touch_conversion_count)
        from marketing.channel_performance_monthly
        group by channel
        having sum(spend_usd) > 0
        """
    )
    spend = {channel: amount for channel, amount, _, _ in rows}
    assert spend == {channel: Decimal(amount) for channel, amount in truth["spend"].items()}
    for place, model in ((2, "first_touch"), (3, "last_touch")):
        cost = {row[0]: f"{row[1] / int(row[place]):.2f}" for row in rows if row[place]}
        assert cost == truth["cac"][model]


def test_the_funnel_ends_in_the_same_customers(job: Job) -> None:
    [(signups, won)] = job.query(
        "select sum(signup_count), sum(won_count) from marketing.lead_funnel_weekly"
    )
    assert signups == job.truth["signups"]["total"]
    assert won == job.truth["T4"]["customers"]
