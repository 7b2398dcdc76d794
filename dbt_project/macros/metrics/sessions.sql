{#- Events with the session they belong to: all columns of the relation plus `session_number` (1, 2, …
    of the unit) and `session_started_at`. An event more than `inactivity_minutes` after the one
    before opens a session, by elapsed time and not by minute boundaries; midnight and campaigns do
    not. A session is cut at the first event more than `cap_hours` after its start, as posthog-js does;
    none cuts none. `order_by` breaks ties of time. Source: PostHog `test_sessions_v2.py`. -#}
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
                    and spells.occurred_at > cuts.began_at + {{ cap_hours }} * interval '1 hour'
                where cuts.ended_at > cuts.began_at + {{ cap_hours }} * interval '1 hour'
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
    named, sessions are told by inactivity, and their key is the time of their first event.
    relation: DuckDB reads it again for the last event of all; what is costly is better a table.
    Events without a time are in none.
    sorted_parts: conditions that part the units, of a relation whose rows lie sorted, see order.sql. Nobody
    is asked to keep that promise for entries and counts, which need a sort of their own. -#}
{% macro sessions(
    relation,
    entry=[],
    inactivity_minutes=30,
    cap_hours=24,
    unit="person_id",
    order_by="event_id",
    session_key=none,
    counts={},
    sorted_parts=[]
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
    {%- set columns = [
        "unit",
        "session_key",
        "started_at",
        "ended_at",
        "duration_seconds",
        "event_count",
    ] -%}
    {%- for name in counts -%} {%- do columns.append(name) -%} {%- endfor -%}
    {%- for column in entry -%} {%- do columns.append("entry_" ~ column) -%} {%- endfor -%}
    {%- set found = [] -%}
    {%- for part in parts_in_order(unmarked, sorted_parts) -%}
        {%- do found.append(
            inactivity_sessions(
                part,
                entry,
                inactivity_minutes,
                cap_hours,
                unit,
                order_by,
                counts,
                sorted_parts | length > 0,
            )
        ) -%}
    {%- endfor -%}
    {%- if session_key -%}
        {%- do found.append(
            marked_sessions(relation, entry, unit, order_by, session_key, counts)
        ) -%}
    {%- endif -%}
    {%- for sessions in found %}
        select {{ columns | join(", ") }}
        from ({{ sessions }}) as sessions
        {% if not loop.last %}
            union all
        {% endif %}
    {%- endfor %}
{%- endmacro %}

{#- Sessions that their client marked. -#}
{% macro marked_sessions(relation, entry, unit, order_by, session_key, counts) -%}
    select
        {{ unit }} as unit,
        cast({{ session_key }} as varchar) as session_key,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        {{ seconds_between("min(occurred_at)", "max(occurred_at)") }} as duration_seconds,
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

{#- Sessions told by inactivity. The events are brought in order once: each sees the one before. Only
    the events that open a session go on from there, which the one before the next of them ends. -#}
{% macro inactivity_sessions(
    relation, entry, inactivity_minutes, cap_hours, unit, order_by, counts, is_sorted
) -%}
    {#- Which of simultaneous events is the first shows in entries and counts alone: none ends a session. -#}
    {%- set is_plain = not entry and not counts -%}
    {%- set is_sorted = is_sorted and is_plain -%}
    {%- set turn = "instant" if is_plain else "turn" -%}
    {%- set path = "over (partition by " ~ unit ~ " order by occurred_at, " ~ order_by -%}
    {%- set ahead = path ~ " rows between current row and unbounded following)" -%}
    {%- set until = path ~ " rows between unbounded preceding and current row)" -%}
    {%- set over_events = over_in_order("unit", turn) -%}
    {%- set over_ends = over_in_order("unit", "place") -%}
    {%- set kept = ["unit", "place", "instant"] -%}
    {#- What is told of a session's last event, and the same of a unit's last, which none follows. -#}
    {%- set ends = {"instant": "last_instant"} -%}
    {%- set totals = {"instant": "max(" ~ micros("occurred_at") ~ ")"} -%}
    {%- for name, condition in counts.items() -%}
        {%- do kept.extend([name, name ~ "_until"]) -%}
        {%- do ends.update({name ~ "_until": name ~ "_at_end"}) -%}
        {%- do totals.update(
            {name ~ "_until": "sum(case when " ~ condition ~ " then 1 else 0 end)"}
        ) -%}
    {%- endfor -%}
    {%- for column in entry -%}
        {%- do kept.extend(["entry_" ~ column, "entry_" ~ column ~ "_at"]) -%}
    {%- endfor -%}
    {%- set spell = (kept + ends.values() | list) | join(", ") ~ ", next_place" -%}
    {#- In microseconds: a number is compared and moved in less time than a timestamp. -#}
    {%- set is_apart = "instant - instant_before > " ~ inactivity_minutes * 60 * 1000000 -%}
    {%- set cap = (cap_hours or 0) * 3600 * 1000000 %}
    with
        {{ "recursive" if cap_hours }}
        session_events as (
            select
                {{ unit }} as unit,
                {% for column in entry %}
                    first_value({{ column }} ignore nulls) {{ ahead }} as entry_{{ column }},
                    min(
                        case when {{ column }} is not null then {{ micros("occurred_at") }} end
                    ) {{ ahead }} as entry_{{ column }}_at,
                {% endfor %}
                {% for name, condition in counts.items() %}
                    case when {{ condition }} then 1 else 0 end as {{ name }},
                    sum(
                        case when {{ condition }} then 1 else 0 end
                    ) {{ until }} as {{ name }}_until,
                {% endfor %}
                {% if not is_plain %} row_number() {{ path ~ ")" }} as turn, {% endif %}
                {{ micros("occurred_at") }} as instant
            from {{ relation }}
            where {{ unit }} is not null and occurred_at is not null
        ),

        session_order as (
            select * from session_events {{ in_order("unit", turn) if not is_sorted }}
        ),

        session_neighbours as (
            select
                *,
                row_number() {{ over_events }} as place,
                lag(unit) {{ over_events }} as unit_before
                {% for column in ends %}
                    , lag({{ column }}) {{ over_events }} as {{ column }}_before
                {% endfor %}
            from session_order
        ),

        session_places as (
            select
                *,
                case
                    when unit_before = unit
                    then
                    {% if is_sorted %}
                            case
                                when instant_before > instant
                                then {{ out_of_order(unit) }}
                                else {{ is_apart }}
                            end
                        when unit_before > unit
                        then {{ out_of_order(unit) }}
                        {% else %} {{ is_apart }}
                        {% endif %}
                    else true
                end as opens
            from session_neighbours
        ),

        session_openings as (
            select
                {{ kept | join(", ") }},
                {% for column, name in ends.items() %}
                    lead({{ column }}_before) {{ over_ends }} as {{ name }},
                {% endfor %}
                lead(place) {{ over_ends }} as next_place
            from session_places
            where opens
        ),

        spells as (
            select
                {{ kept | join(", ") }},
                {% for column, name in ends.items() %}
                    coalesce(
                        {{ name }},
                        {{ of_last_events(totals[column], relation, unit, "session_openings") }}
                    ) as {{ name }},
                {% endfor %}
                coalesce(
                    next_place, 1 + {{ of_last_events(none, relation, unit, "session_openings") }}
                ) as next_place
            from session_openings
        ){{ "," if cap_hours }}

        {% if cap_hours %}
            -- Only spells that outlast the cap are walked through, a session at a time.
            cuts as (
                select unit, place, instant, next_place, last_instant
                from spells
                where last_instant > instant + {{ cap }}
                union all
                select
                    cuts.unit,
                    min(session_places.place) as place,
                    min(session_places.instant) as instant,
                    cuts.next_place,
                    cuts.last_instant
                from cuts
                inner join
                    session_places
                    on cuts.unit = session_places.unit
                    and cuts.next_place > session_places.place
                    and session_places.instant > cuts.instant + {{ cap }}
                group by cuts.unit, cuts.place, cuts.next_place, cuts.last_instant
            ),

            pieces as (
                select
                    unit,
                    place,
                    coalesce(
                        lead(place) over (partition by unit, next_place order by place), next_place
                    ) as next_place
                from cuts
            ),

            capped as (
                select {{ spell }}
                from spells
                where last_instant <= instant + {{ cap }}
                union all
                -- A piece's first and last event from one join: two of them DuckDB joins by unit
                -- first, every event with every other (33 s for three million).
                select
                    pieces.unit,
                    {% for column in kept if column != "unit" %}
                        max(
                            case
                                when session_places.place = pieces.place
                                then session_places.{{ column }}
                            end
                        ),
                    {% endfor %}
                    {% for column in ends %}
                        max(
                            case
                                when session_places.place = pieces.next_place - 1
                                then session_places.{{ column }}
                            end
                        ),
                    {% endfor %}
                    pieces.next_place
                from pieces
                inner join
                    session_places
                    on pieces.unit = session_places.unit
                    and session_places.place in (pieces.place, pieces.next_place - 1)
                group by pieces.unit, pieces.place, pieces.next_place
            )
        {% endif %}

    select
        unit,
        cast({{ from_micros("instant") }} as varchar) as session_key,
        {{ from_micros("instant") }} as started_at,
        {{ from_micros("last_instant") }} as ended_at,
        (last_instant - instant) / 1e6 as duration_seconds,
        next_place - place as event_count
        {% for name in counts %}
            , {{ name }}_at_end - {{ name }}_until + {{ name }} as {{ name }}
        {% endfor %}
        {% for column in entry %}
            ,
            case
                when entry_{{ column }}_at <= last_instant then entry_{{ column }}
            end as entry_{{ column }}
        {% endfor %}
    from {{ "capped" if cap_hours else "spells" }}
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
