{#- Events with the session they belong to: all columns of the relation plus `session_number` (1, 2, …
    of the unit) and `session_started_at`. An event more than `inactivity_minutes` after the one
    before opens a session, by elapsed time and not by minute boundaries; midnight and campaigns do
    not. A session is cut at the first event `cap_hours` after its start or later.
    `order_by` breaks ties of time. Source: PostHog `test_sessions_v2.py`. -#}
{% macro sessionised(relation, inactivity_minutes=30, cap_hours=24, unit="person_id", order_by="event_id") -%}
    with recursive
        gaps as (
            select
                *,
                case
                    when
                        {{
                            seconds_between(
                                "lag(occurred_at) over (partition by "
                                ~ unit ~ " order by occurred_at, " ~ order_by ~ ")",
                                "occurred_at",
                            )
                        }} <= {{ inactivity_minutes * 60 }}
                    then 0
                    else 1
                end as opens
            from {{ relation }}
            where {{ unit }} is not null
        ),

        spells as (
            select
                *,
                sum(opens) over (
                    partition by {{ unit }} order by occurred_at, {{ order_by }}
                    rows between unbounded preceding and current row
                ) as spell
            from gaps
        ),

        bounds as (
            select {{ unit }} as unit, spell, min(occurred_at) as began_at, max(occurred_at) as ended_at
            from spells
            group by 1, 2
        ),

        -- Only spells that outlast the cap are walked through, a session at a time.
        cuts as (
            select unit, spell, began_at, ended_at
            from bounds
            union all
            select cuts.unit, cuts.spell, min(spells.occurred_at) as began_at, max(cuts.ended_at) as ended_at
            from cuts
            inner join
                spells
                on cuts.unit = spells.{{ unit }}
                and cuts.spell = spells.spell
                and spells.occurred_at >= cuts.began_at + {{ cap_hours }} * interval '1 hour'
            where cuts.ended_at >= cuts.began_at + {{ cap_hours }} * interval '1 hour'
            group by cuts.unit, cuts.spell, cuts.began_at
        ),

        sessions as (
            select
                unit,
                spell,
                began_at,
                lead(began_at) over (partition by unit, spell order by began_at) as next_began_at,
                row_number() over (partition by unit order by began_at) as session_number
            from cuts
        )

    select spells.*, sessions.session_number, sessions.began_at as session_started_at
    from spells
    inner join
        sessions
        on spells.{{ unit }} = sessions.unit
        and spells.spell = sessions.spell
        and spells.occurred_at >= sessions.began_at
        and (sessions.next_began_at is null or spells.occurred_at < sessions.next_began_at)
{%- endmacro %}

{#- One row a session: (unit, session_number, started_at, ended_at, duration_seconds, event_count) and
    the entry values asked for: of the first event that has one. -#}
{% macro sessions(
    relation, entry=[], inactivity_minutes=30, cap_hours=24, unit="person_id", order_by="event_id"
) -%}
    with
        sessionised as (
            select *
            from
                ({{ sessionised(relation, inactivity_minutes, cap_hours, unit, order_by) }}) as inner_events
        ),

        ranked as (
            select
                *
                {% for column in entry %},
                    row_number() over (
                        partition by {{ unit }}, session_number
                        order by case when {{ column }} is null then 1 else 0 end, occurred_at, {{ order_by }}
                    ) as rank_of_{{ column }}
                {% endfor %}
            from sessionised
        )

    select
        {{ unit }} as unit,
        session_number,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        {{ seconds_between("min(occurred_at)", "max(occurred_at)") }} as duration_seconds,
        count(*) as event_count
        {% for column in entry %},
            max(case when rank_of_{{ column }} = 1 then {{ column }} end) as entry_{{ column }}
        {% endfor %}
    from ranked
    group by 1, 2
{%- endmacro %}

{#- (bucket, value): average seconds of the sessions that start in a bucket, null without one. -#}
{% macro average_session_duration(sessions, range, interval, week_start="monday") -%}
    with spine as ({{ bucket_spine(range, interval, week_start) }})

    select spine.bucket, avg(sessions.duration_seconds) as value
    from spine
    left join
        {{ sessions }} as sessions
        on {{ bucket("sessions.started_at", interval, range.get("timezone", "UTC"), week_start) }} = spine.bucket
        and {{ in_range("sessions.started_at", range) }}
    group by spine.bucket
{%- endmacro %}
