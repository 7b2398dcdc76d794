{#- Events with the session they belong to: all columns of the relation plus `session_number` (1, 2, …
    of the unit) and `session_started_at`. An event more than `inactivity_minutes` after the one
    before opens a session, by elapsed time and not by minute boundaries; midnight and campaigns do
    not. A session is cut at the first event `cap_hours` after its start or later; none cuts none.
    `order_by` breaks ties of time. Source: PostHog `test_sessions_v2.py`. -#}
{% macro sessionised(
    relation,
    inactivity_minutes=30,
    cap_hours=24,
    unit="person_id",
    order_by="event_id"
) -%}
    with
        {{ "recursive" if cap_hours }}
        gaps as (
            select
                *,
                case
                    when
                        {{
                            seconds_between(
                                "lag(occurred_at) over (partition by "
                                ~ unit
                                ~ " order by occurred_at, "
                                ~ order_by
                                ~ ")",
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
                    partition by {{ unit }}
                    order by occurred_at, {{ order_by }}
                    rows between unbounded preceding and current row
                ) as spell
            from gaps
        ){{ "," if cap_hours }}

        {% if cap_hours %}
            bounds as (
                select
                    {{ unit }} as unit,
                    spell,
                    min(occurred_at) as began_at,
                    max(occurred_at) as ended_at
                from spells
                group by 1, 2
            ),

            -- Only spells that outlast the cap are walked through, a session at a time.
            cuts as (
                select unit, spell, began_at, ended_at
                from bounds
                union all
                select
                    cuts.unit,
                    cuts.spell,
                    min(spells.occurred_at) as began_at,
                    max(cuts.ended_at) as ended_at
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
                    lead(began_at) over (
                        partition by unit, spell order by began_at
                    ) as next_began_at,
                    row_number() over (partition by unit order by began_at) as session_number
                from cuts
            )
        {% endif %}

    {% if cap_hours %}
        select spells.*, sessions.session_number, sessions.began_at as session_started_at
        from spells
        inner join
            sessions
            on spells.{{ unit }} = sessions.unit
            and spells.spell = sessions.spell
            and spells.occurred_at >= sessions.began_at
            and (sessions.next_began_at is null or spells.occurred_at < sessions.next_began_at)
    {% else %}
        select
            *,
            spell as session_number,
            min(occurred_at) over (partition by {{ unit }}, spell) as session_started_at
        from spells
    {% endif %}
{%- endmacro %}

{#- One row a session: (unit, session_key, started_at, ended_at, duration_seconds, event_count), counts
    of the conditions asked for by name, and the entry values asked for: of the first event that has one.
    session_key: a column with the client's own session id, which is trusted; where it is null or none is
    named, sessions are told by inactivity, and their key is their number of the unit. -#}
{% macro sessions(
    relation,
    entry=[],
    inactivity_minutes=30,
    cap_hours=24,
    unit="person_id",
    order_by="event_id",
    session_key=none,
    counts={}
) -%}
    with
        {% if session_key %}
            keyed as (
                select *, {{ unit }} as session_unit, {{ session_key }} as key_of_session
                from {{ relation }}
                where {{ session_key }} is not null and {{ unit }} is not null
            ),

            unkeyed as (select * from {{ relation }} where {{ session_key }} is null),
        {% endif %}

        numbered as (
            {{
                sessionised(
                    "unkeyed" if session_key else relation,
                    inactivity_minutes,
                    cap_hours,
                    unit,
                    order_by,
                )
            }}
        ),

        told as (
            {% set columns = entry + [order_by, "occurred_at"] %}
            select
                {{ unit }} as session_unit,
                cast(session_number as varchar) as key_of_session,
                {{ columns | join(", ") }}
                {% for name, condition in counts.items() %}
                    , case when {{ condition }} then 1 else 0 end as {{ name }}
                {% endfor %}
            from numbered
            {% if session_key %}
                union all
                select
                    session_unit,
                    key_of_session,
                    {{ columns | join(", ") }}
                    {% for name, condition in counts.items() %}
                        , case when {{ condition }} then 1 else 0 end as {{ name }}
                    {% endfor %}
                from keyed
            {% endif %}
        ),

        ranked as (
            select
                *
                {% for column in entry %}
                    ,
                    row_number() over (
                        partition by session_unit, key_of_session
                        order by
                            case when {{ column }} is null then 1 else 0 end,
                            occurred_at,
                            {{ order_by }}
                    ) as rank_of_{{ column }}
                {% endfor %}
            from told
        )

    select
        session_unit as unit,
        key_of_session as session_key,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        {{ seconds_between("min(occurred_at)", "max(occurred_at)") }} as duration_seconds,
        count(*) as event_count
        {% for name in counts %}, sum({{ name }}) as {{ name }} {% endfor %}
        {% for column in entry %}
            , max(case when rank_of_{{ column }} = 1 then {{ column }} end) as entry_{{ column }}
        {% endfor %}
    from ranked
    group by 1, 2
{%- endmacro %}

{#- (bin, label, value): how many sessions that start in the range last how long, in PostHog's bins. -#}
{% macro session_duration_distribution(sessions, range) -%}
    {%- set bins = [
        (0, 0, "0 seconds (1 event)"),
        (0, 3, "0-3 seconds"),
        (3, 10, "3-10 seconds"),
        (10, 30, "10-30 seconds"),
        (30, 60, "30-60 seconds"),
        (60, 180, "1-3 minutes"),
        (180, 600, "3-10 minutes"),
        (600, 1800, "10-30 minutes"),
        (1800, 3600, "30-60 minutes"),
        (3600, none, "1+ hours"),
    ] -%}
    {%- for lowest, highest, label in bins %}
        select
            {{ loop.index0 }} as bin,
            '{{ label }}' as label,
            coalesce(
                sum(
                    case
                        when
                            {% if highest == 0 %} duration_seconds = 0
                            {% else %}
                                duration_seconds {{ ">" if lowest == 0 else ">=" }} {{ lowest }}
                                {% if highest %} and duration_seconds < {{ highest }}
                                {% endif %}
                            {% endif %}
                        then 1
                        else 0
                    end
                ),
                0
            ) as value
        from {{ sessions }}
        where {{ in_range("started_at", range) }}
        {% if not loop.last %}
            union all
        {% endif %}
    {%- endfor %}
{%- endmacro %}

{#- (bucket, value): average seconds of the sessions that start in a bucket, null without one. -#}
{% macro average_session_duration(sessions, range, interval, week_start="monday") -%}
    with
        spine as ({{ bucket_spine(range, interval, week_start) }}),

        averages as (
            select
                {{ bucket("started_at", interval, range.get("timezone", "UTC"), week_start) }}
                as bucket,
                avg(duration_seconds) as value
            from {{ sessions }}
            where {{ in_range("started_at", range) }}
            group by 1
        )

    select spine.bucket, averages.value
    from spine
    left join averages on spine.bucket = averages.bucket
{%- endmacro %}
