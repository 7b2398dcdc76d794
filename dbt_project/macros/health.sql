{#- One row per account and day on which it paid: (account_id, score_date, mrr_usd, seat_count,
    recent_use, expected_use, use_trend, use_surprise, seat_use, health_score), of `weights`
    (input, weight) from 0 to 1.

    Use is person-days of the product. What is expected of the last 14 days is the average of the 56
    before them, times what became of that average in all paying accounts together: so a summer or a
    holiday that everybody takes lowers nobody's score. The trend is recent over expected use, at most
    1; the surprise says how sure that fall is, from 1 (none) to 0 (four standard errors of a count,
    and more). Both are null, and so is the score, where fewer than 3 person-days are expected: there
    is too little use to fall. Seat use is the share of paid seats in use on a workday. -#}
{% macro account_health_scores(weights) -%}
    with
        terms as (
            select account_id, seat_count, mrr_usd, started_at, ended_at
            from {{ ref("int_subscription_terms") }}
            where mrr_usd > 0
        ),

        paying as (
            select
                terms.account_id,
                dates.date_day as score_date,
                sum(terms.mrr_usd) as mrr_usd,
                sum(terms.seat_count) as seat_count
            from terms
            inner join
                {{ ref("dates") }} as dates
                on terms.started_at <= dates.date_day
                and (terms.ended_at is null or terms.ended_at > dates.date_day)
            group by terms.account_id, dates.date_day
        ),

        spans as (
            select
                account_id,
                {{ date_plus_days("min(score_date)", -70) }} as first_date,
                max(score_date) as last_date
            from paying
            group by account_id
        ),

        use_days as (
            select account_id, active_date, count(*) as person_days
            from {{ ref("daily_active_people") }}
            where use_count > 0 and account_id is not null
            group by account_id, active_date
        ),

        every_day as (
            select
                spans.account_id, dates.date_day, coalesce(use_days.person_days, 0) as person_days
            from spans
            inner join
                {{ ref("dates") }} as dates
                on dates.date_day >= spans.first_date
                and dates.date_day <= spans.last_date
            left join
                use_days
                on spans.account_id = use_days.account_id
                and dates.date_day = use_days.active_date
        ),

        windows as (
            select
                account_id,
                date_day,
                sum(person_days) over (
                    partition by account_id
                    order by date_day
                    rows between 14 preceding and 1 preceding
                ) as recent_use,
                sum(person_days) over (
                    partition by account_id
                    order by date_day
                    rows between 70 preceding and 15 preceding
                ) as use_before
            from every_day
        ),

        measured as (
            select
                paying.account_id,
                paying.score_date,
                paying.mrr_usd,
                paying.seat_count,
                coalesce(windows.recent_use, 0) as recent_use,
                coalesce(windows.use_before, 0) as use_before
            from paying
            inner join
                windows
                on paying.account_id = windows.account_id
                and paying.score_date = windows.date_day
        ),

        everybody as (
            select score_date, sum(recent_use) as recent_use, sum(use_before) as use_before
            from measured
            group by score_date
        ),

        expected as (
            select
                measured.*,
                cast(measured.use_before as {{ type_double() }})
                * everybody.recent_use
                / nullif(everybody.use_before, 0) as expected_use
            from measured
            inner join everybody on measured.score_date = everybody.score_date
        ),

        inputs as (
            select
                account_id,
                score_date,
                mrr_usd,
                seat_count,
                recent_use,
                expected_use,
                case
                    when expected_use >= 3 then least(recent_use / expected_use, 1.0)
                end as use_trend,
                case
                    when expected_use >= 3
                    then
                        least(
                            greatest(
                                1 + (recent_use - expected_use) / (4 * sqrt(expected_use)), 0.0
                            ),
                            1.0
                        )
                end as use_surprise,
                -- Ten workdays in fourteen days.
                least(recent_use / (10.0 * nullif(seat_count, 0)), 1.0) as seat_use
            from expected
        ),

        weights as (
            select
                max(case when input = 'use_trend' then weight end) as use_trend,
                max(case when input = 'use_surprise' then weight end) as use_surprise,
                max(case when input = 'seat_use' then weight end) as seat_use,
                sum(weight) as total
            from {{ weights }}
        )

    select
        inputs.account_id,
        inputs.score_date,
        inputs.mrr_usd,
        inputs.seat_count,
        inputs.recent_use,
        inputs.expected_use,
        inputs.use_trend,
        inputs.use_surprise,
        inputs.seat_use,
        100 * (
            weights.use_trend * inputs.use_trend
            + weights.use_surprise * inputs.use_surprise
            + weights.seat_use * inputs.seat_use
        )
        / weights.total as health_score
    from inputs
    cross join weights
{%- endmacro %}
