with
    bounds as (
        select
            coalesce(
                min(event_date), (select last_complete_date from {{ ref("int_clock") }})
            ) as first_date
        from {{ ref("int_events") }}
    ),

    deals as (
        select cast(min(created_at) as date) as first_date from {{ ref("stg_hubspot__deals") }}
    ),

    spine as (
        {{
            date_spine(
                "(select least(bounds.first_date, coalesce(deals.first_date, bounds.first_date)) from bounds cross join deals)",
                "(select last_complete_date from " ~ ref("int_clock") ~ ")",
            )
        }}
    )

select
    date_day,
    {{ week_start("date_day") }} as week_start,
    cast(date_trunc('month', date_day) as date) as month_start,
    cast(date_trunc('quarter', date_day) as date) as quarter_start,
    extract(isodow from date_day) >= 6 as is_weekend
from spine
where date_day is not null
