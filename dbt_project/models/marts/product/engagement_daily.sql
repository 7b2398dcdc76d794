-- Each person-day is spread over the thirty days that it keeps the person active, cut where the
-- person's next active day takes over: so nobody is counted twice and nothing need be distinct.
-- Person-days alike in all that counts are one row before they are spread.
with
    activity as (
        select 'any' as kind, active_date, person_id, event_count
        from {{ ref("daily_active_people") }}
        union all
        select 'product' as kind, active_date, person_id, use_count as event_count
        from {{ ref("daily_active_people") }}
        where use_count > 0
    ),

    gaps as (
        select
            *,
            least(
                30,
                coalesce(
                    {{
                        days_between(
                            "active_date",
                            "lead(active_date) over (partition by kind, person_id order by active_date)",
                        )
                    }},
                    30
                )
            ) as gap_days
        from activity
    ),

    spans as (
        select
            gaps.kind,
            gaps.active_date,
            gaps.gap_days,
            traits.segment,
            traits.plan,
            traits.channel,
            count(*) as people_count,
            sum(gaps.event_count) as event_count
        from gaps
        inner join {{ ref("int_person_traits") }} as traits on gaps.person_id = traits.person_id
        group by
            gaps.kind, gaps.active_date, gaps.gap_days, traits.segment, traits.plan, traits.channel
    ),

    counted as (
        select
            {{ date_plus_days("spans.active_date", "later.number") }} as active_date,
            spans.segment,
            spans.plan,
            spans.channel,
            {% for kind, prefix in [("any", ""), ("product", "product_")] %}
                {% for name, days in [("dau", 1), ("wau", 7), ("mau", 30)] %}
                    sum(
                        case
                            when spans.kind = '{{ kind }}' and later.number < {{ days }}
                            then spans.people_count
                            else 0
                        end
                    ) as {{ prefix }}{{ name }},
                {% endfor %}
            {% endfor %}
            sum(
                case when spans.kind = 'any' and later.number = 0 then spans.event_count else 0 end
            ) as event_count
        from spans
        inner join ({{ numbers(30) }}) as later on later.number < spans.gap_days
        group by 1, 2, 3, 4
    ),

    breakdowns as (
        {% for breakdown in ["total", "segment", "plan", "channel", "combination"] %}
            select '{{ breakdown }}' as breakdown
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )

select
    counted.active_date,
    breakdowns.breakdown,
    {% for trait in ["segment", "plan", "channel"] %}
        case
            when breakdowns.breakdown in ('{{ trait }}', 'combination')
            then counted.{{ trait }}
            else 'all'
        end as {{ trait }},
    {% endfor %}
    {% for count in [
        "dau",
        "wau",
        "mau",
        "product_dau",
        "product_wau",
        "product_mau",
        "event_count",
    ] %}
        cast(sum(counted.{{ count }}) as bigint) as {{ count }} {% if not loop.last %}, {% endif %}
    {% endfor %}
from counted
inner join {{ ref("dates") }} as dates on counted.active_date = dates.date_day
cross join breakdowns
group by 1, 2, 3, 4, 5
