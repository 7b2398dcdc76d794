"""What is known of one account: `productops account ACME`."""

from reports.formats import Rows
from reports.published import UnknownNameError, only, reading, rows

# What is shown beside the account's row of sales.account_360, each with the account as $account.
SECTIONS = {
    "open deals": """
        select deal_name, stage_label, amount_usd, expected_close_date
        from sales.deals
        where account_id = $account and not is_closed
        order by expected_close_date, deal_id
    """,
    "months in which its MRR moved": """
        select month_start, movement, opening_mrr_usd, closing_mrr_usd
        from sales.mrr_movements
        where account_id = $account and opening_mrr_usd <> closing_mrr_usd
        order by month_start desc
        limit 6
    """,
    "features": """
        select feature_name, stage, week_start as since_week
        from (
            select
                feature_id, stage, week_start, row_number() over (
                    partition by feature_id order by week_start desc
                ) as recency
            from product.feature_adoption_weekly
            where account_id = $account
        ) as stages
        inner join core.features using (feature_id)
        where recency = 1
        order by feature_name
    """,
    "latest survey answers": """
        select cast(submitted_at as date) as answered_on, form_title, metric, score
        from research.survey_responses
        where account_id = $account and is_counted
        order by submitted_at desc, response_id
        limit 5
    """,
}


def account(who: str) -> dict[str, Rows]:
    """Return an account's row and what belongs to it, by section, of what is published now.

    Args:
        who: its id, domain or name, or a part of the name; the first of these that fits decides.

    Raises:
        UnknownNameError: no account fits.
        AmbiguousNameError: several do; the message names them.
        NotPublishedError: nothing is published.
    """
    with reading() as connection:
        for condition in (
            "account_id = $who",
            "domain = lower($who)",
            "lower(account_name) = lower($who)",
            "contains(lower(account_name), lower($who))",
        ):
            found = rows(
                connection,
                "select *, concat(account_name, ' (', account_id, ')') as called"
                f" from sales.account_360 where {condition} order by arr_usd desc, account_id",
                {"who": who.strip()},
            )
            if one := only(found, who, "accounts", "called"):
                del one["called"]
                chosen = {"account": one["account_id"]}
                return {
                    "account": [one],
                    **{name: rows(connection, sql, chosen) for name, sql in SECTIONS.items()},
                }
    raise UnknownNameError(
        f"no account is known by {who!r}; give an account_id, a domain or a part of the name as"
        " in sales.account_360"
    )
