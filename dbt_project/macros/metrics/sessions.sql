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
    named, sessions are told by inactivity, and their key is the time of their first event. -#}
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
    {%- set unmarked = relation -%}
    {%- if session_key -%}
        {%- set unmarked = (
            "(select * from "
            ~ relation
            ~ " where "
            ~ session_key
            ~ " is null) as unmarked"
        ) -%}
    {%- endif -%}
    {%- set columns = ["unit", "session_key", "started_at", "ended_at", "event_count"] -%}
    {%- for name in counts -%} {%- do columns.append(name) -%} {%- endfor -%}
    {%- for column in entry -%} {%- do columns.append("entry_" ~ column) -%} {%- endfor -%}
    with
        {{ "recursive" if cap_hours }}
        {{
            inactivity_sessions(
                unmarked, entry, inactivity_minutes, cap_hours, unit, order_by, counts
            )
        }}

        {% if session_key %}
            ,
            marked as ({{ marked_sessions(relation, entry, unit, order_by, session_key, counts) }}),

            found as (
                select {{ columns | join(", ") }}
                from inactivity_sessions
                union all
                select {{ columns | join(", ") }}
                from marked
            )
        {% endif %}

    select
        {{ columns | join(", ") }},
        {{ seconds_between("started_at", "ended_at") }} as duration_seconds
    from {{ "found" if session_key else "inactivity_sessions" }}
{%- endmacro %}

{#- Sessions that their client marked. -#}
{% macro marked_sessions(relation, entry, unit, order_by, session_key, counts) -%}
    select
        {{ unit }} as unit,
        cast({{ session_key }} as varchar) as session_key,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as event_count
        {% for name, condition in counts.items() %}
            , sum(case when {{ condition }} then 1 else 0 end) as {{ name }}
        {% endfor %}
        {% for column in entry %}
            , max(case when rank_of_{{ column }} = 1 then {{ column }} end) as entry_{{ column }}
        {% endfor %}
    from
        (
            select
                *
                {% for column in entry %}
                    ,
                    row_number() over (
                        partition by {{ unit }}, {{ session_key }}
                        order by
                            case when {{ column }} is null then 1 else 0 end,
                            occurred_at,
                            {{ order_by }}
                    ) as rank_of_{{ column }}
                {% endfor %}
            from {{ relation }}
            where {{ session_key }} is not null and {{ unit }} is not null
        ) as ranked
    group by {{ unit }}, {{ session_key }}
{%- endmacro %}

{#- Expressions `inactivity_sessions`, and what it is made of. The events are brought in order once:
    each sees the one before and the one after. Only first and last events go on from there. -#}
{% macro inactivity_sessions(
    relation, entry, inactivity_minutes, cap_hours, unit, order_by, counts
) -%}
    {#- Which of simultaneous events is the first shows in entries and counts alone: none ends a session. -#}
    {%- set is_plain = not entry and not counts -%}
    {%- set turn = "occurred_at" if is_plain else "turn" -%}
    {%- set path = "over (partition by " ~ unit ~ " order by occurred_at, " ~ order_by -%}
    {%- set ahead = path ~ " rows between current row and unbounded following)" -%}
    {%- set until = path ~ " rows between unbounded preceding and current row)" -%}
    {%- set over_events = over_in_order("unit", turn) -%}
    {%- set over_ends = over_in_order("unit", "place") -%}
    {%- set kept = ["unit", "place", "occurred_at"] -%}
    {%- set ends = ["last_place", "ended_at"] -%}
    {%- for name in counts -%}
        {%- do kept.extend([name, name ~ "_until"]) -%} {%- do ends.append(name ~ "_at_end") -%}
    {%- endfor -%}
    {%- for column in entry -%}
        {%- do kept.extend(["entry_" ~ column, "entry_" ~ column ~ "_at"]) -%}
    {%- endfor -%}
    known as (
        select
            {{ unit }} as unit,
            {% for column in entry %}
                first_value({{ column }} ignore nulls) {{ ahead }} as entry_{{ column }},
                min(
                    case when {{ column }} is not null then occurred_at end
                ) {{ ahead }} as entry_{{ column }}_at,
            {% endfor %}
            {% for name, condition in counts.items() %}
                case when {{ condition }} then 1 else 0 end as {{ name }},
                sum(case when {{ condition }} then 1 else 0 end) {{ until }} as {{ name }}_until,
            {% endfor %}
            {% if not is_plain %} row_number() {{ path ~ ")" }} as turn, {% endif %}
            occurred_at
        from {{ relation }}
        where {{ unit }} is not null
    ),

    ordered as (select * from known {{ in_order("unit", turn) }}),

    openings as (
        select
            *,
            row_number() {{ over_events }} as place,
            coalesce(
                lag(unit) {{ over_events }} <> unit
                or {{ micros_between("lag(occurred_at) " ~ over_events, "occurred_at") }}
                > {{ inactivity_minutes * 60 * 1000000 }},
                true
            ) as opens
        from ordered
    ),

    -- An event is the last of its session if the next one opens another.
    placed as (select *, lead(opens, 1, true) {{ over_ends }} as closes from openings),

    -- Of first and last events alone, a last one follows its first.
    paired as (
        select
            *,
            case when closes then place else lead(place) {{ over_ends }} end as last_place,
            case when closes then occurred_at else lead(occurred_at) {{ over_ends }} end as ended_at
            {% for name in counts %}
                ,
                case
                    when closes then {{ name }}_until else lead({{ name }}_until) {{ over_ends }}
                end as {{ name }}_at_end
            {% endfor %}
        from placed
        -- Either, in words that cost DuckDB less: with `or` ten million events take 0.56 s and
        -- not 0.43.
        where case when opens then true else closes end
    ),

    spells as (select {{ (kept + ends) | join(", ") }} from paired where opens),

    {% if cap_hours %}
        -- Only spells that outlast the cap are walked through, a session at a time.
        cuts as (
            select unit, place, occurred_at, last_place, ended_at
            from spells
            where ended_at >= occurred_at + {{ cap_hours }} * interval '1 hour'
            union all
            select
                cuts.unit,
                min(placed.place) as place,
                min(placed.occurred_at) as occurred_at,
                cuts.last_place,
                cuts.ended_at
            from cuts
            inner join
                placed
                on cuts.unit = placed.unit
                and cuts.last_place >= placed.place
                and placed.occurred_at >= cuts.occurred_at + {{ cap_hours }} * interval '1 hour'
            group by cuts.unit, cuts.place, cuts.last_place, cuts.ended_at
        ),

        pieces as (
            select
                unit,
                place,
                coalesce(
                    lead(place) over (partition by unit, last_place order by place) - 1, last_place
                ) as last_place
            from cuts
        ),

        capped as (
            select {{ (kept + ends) | join(", ") }}
            from spells
            where ended_at < occurred_at + {{ cap_hours }} * interval '1 hour'
            union all
            select
                {% for column in kept %} opening.{{ column }}, {% endfor %}
                closing.place as last_place,
                closing.occurred_at as ended_at
                {% for name in counts %}, closing.{{ name }}_until as {{ name }}_at_end {% endfor %}
            from pieces
            inner join
                placed as opening on pieces.unit = opening.unit and pieces.place = opening.place
            inner join
                placed as closing
                on pieces.unit = closing.unit
                and pieces.last_place = closing.place
        ),
    {% endif %}

    inactivity_sessions as (
        select
            unit,
            cast(occurred_at as varchar) as session_key,
            occurred_at as started_at,
            ended_at,
            last_place - place + 1 as event_count
            {% for name in counts %}
                , {{ name }}_at_end - {{ name }}_until + {{ name }} as {{ name }}
            {% endfor %}
            {% for column in entry %}
                ,
                case
                    when entry_{{ column }}_at <= ended_at then entry_{{ column }}
                end as entry_{{ column }}
            {% endfor %}
        from {{ "capped" if cap_hours else "spells" }}
    )
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
