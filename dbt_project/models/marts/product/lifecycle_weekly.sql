-- Growth accounting of weeks that are over: for each active week a unit is new, returning or
-- resurrecting, and dormant in the week after its last of a row.
with
    weeks as ({{ complete_weeks() }}),

    active as ({{ active_weeks() }}),

    neighbours as (
        select
            unit,
            week_start,
            lag(week_start) over (partition by unit, unit_id order by week_start) as week_before,
            lead(week_start) over (partition by unit, unit_id order by week_start) as week_after
        from active
    ),

    statuses as (
        select
            unit,
            week_start,
            case
                when week_before is null
                then 'new'
                when week_before = {{ date_plus_days("week_start", -7) }}
                then 'returning'
                else 'resurrecting'
            end as status,
            1 as change
        from neighbours
        union all
        select
            unit,
            {{ date_plus_days("week_start", 7) }} as week_start,
            'dormant' as status,
            -1 as change
        from neighbours
        where week_after is null or week_after > {{ date_plus_days("week_start", 7) }}
    ),

    kinds as (
        {% for unit in ["person", "account"] %}
            {% for status in ["new", "returning", "resurrecting", "dormant"] %}
                select '{{ unit }}' as unit, '{{ status }}' as status
                {% if not (loop.last and unit == "account") %}
                    union all
                {% endif %}
            {% endfor %}
        {% endfor %}
    )

select
    kinds.unit,
    weeks.week_start,
    kinds.status,
    cast(coalesce(sum(statuses.change), 0) as bigint) as unit_count
from weeks
cross join kinds
left join
    statuses
    on weeks.week_start = statuses.week_start
    and kinds.unit = statuses.unit
    and kinds.status = statuses.status
group by kinds.unit, weeks.week_start, kinds.status
