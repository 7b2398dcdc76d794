{#- Funnels. An attempt starts at an event of the first step; step k is reached if k different events of
    the steps follow each other (times may be equal) within the window, counted from the first, its end
    included. A person counts with the furthest of the attempts. Definition: PostHog
    `funnel-udf/src/steps.rs`, `unordered_steps.rs`.

    relation: events with `occurred_at` (UTC), the unit's column and `order_by`, which breaks ties.
    steps: SQL conditions. range: see periods.sql. window_seconds: elapsed time.
    order: ordered, strict (the next event of any kind must be the next step) or unordered (step k is
    any k steps, the window lies between the first and the last of them).
    exclusions: {"condition", "from_step", "to_step"}, steps counted from 0: an attempt with such an
    event between them is tainted, and a person whose best attempt is leaves the funnel; unordered, the
    best attempt without one counts (PostHog `test_funnel_unordered.py`).
    breakdown: an expression of the event; attribution: first_touch and last_touch (one value a person),
    all_events (only events of one value chain) or step (the event of `attribution_step`, from 0, has it).
    completes_after_range: only the first step must lie in the range, as Amplitude counts.
    disjoint: no event can be two of the steps. Else simultaneous events are held against every set of
    steps, of which each further step makes twice as many: a dozen are too many. -#}
{#- (unit, breakdown_value, t_1 … t_K, reached, is_tainted): a row for each attempt, or where steps are
    ordered for each instant that opens some. -#}
{% macro funnel_attempts(
    relation,
    steps,
    range,
    window_seconds,
    order="ordered",
    exclusions=[],
    breakdown=none,
    attribution="first_touch",
    attribution_step=0,
    unit="person_id",
    order_by="event_id",
    completes_after_range=false,
    disjoint=false
) -%}
    {%- set from_range = {"from": range.get("from"), "timezone": range.get("timezone", "UTC")} -%}
    {%- set exclusions = [] if order == "strict" else exclusions -%}
    {%- set last = steps | length -%}
    {%- set parts = "unit" ~ (", breakdown_value" if breakdown else "") -%}
    {#- Steps in order are found instant by instant, the others event by event. -#}
    {%- set has_variants = not disjoint and order != "ordered" -%}
    {%- set parts = parts ~ (", variant" if has_variants) -%}
    {#- Of simultaneous events an exclusion comes first: it is not between the steps. -#}
    {%- set idle = 100000 if order == "strict" else -100000 -%}
    {%- set sorting = "occurred_at, precedence, tie_break" -%}
    {#- Events at one instant that can be the same steps. -#}
    {%- set alike = [
        "variants.variant",
        "attributed.unit",
        "attributed.breakdown_value",
        "occurred_at",
    ] -%}
    {%- set step_numbers = [] -%}
    {%- for step in steps -%}
        {%- do alike.append("step_" ~ loop.index) -%}
        {%- do step_numbers.append(
            "case when step_" ~ loop.index ~ " then " ~ loop.index ~ " end"
        ) -%}
    {%- endfor -%}
    with
        flagged as (
            select
                {{ unit }} as unit,
                occurred_at,
                {{ order_by }} as tie_break,
                {{ breakdown or "cast(null as varchar)" }} as breakdown_value,
                {% for step in steps %}
                    coalesce({{ step }}, false) as step_{{ loop.index }},
                {% endfor %}
                {% for each in exclusions %}
                    coalesce({{ each["condition"] }}, false) as exclusion_{{ loop.index }},
                {% endfor %}
                {% if completes_after_range %} {{ in_range("occurred_at", range) }}
                {% else %} true
                {% endif %} as may_open
            from {{ relation }}
            where
                {{ unit }} is not null
                and {{ in_range("occurred_at", from_range if completes_after_range else range) }}
                {% if order != "strict" %}
                    and (
                        {% for step in steps %}
                            ({{ step }}) {% if not loop.last %} or {% endif %}
                        {% endfor %}
                        {% for each in exclusions %} or ({{ each["condition"] }}) {% endfor %}
                    )
                {% endif %}
        ),

        matched as (
            select
                *,
                case
                    {% for step in steps %}
                        when step_{{ loop.index }} then {{ loop.index }}
                    {% endfor %}
                end as first_step
                {% if has_variants %}
                    ,
                    case
                        {% for step in steps %}
                            when step_{{ last + 1 - loop.index }} then {{ last + 1 - loop.index }}
                        {% endfor %}
                    end as last_step
                {% endif %}
            from flagged
        ),

        attributed as (
            {{
                funnel_attributed(
                    breakdown, attribution, attribution_step, steps, exclusions, has_variants
                )
            }}
        ),

        {% if has_variants %}
            -- Events at one instant may follow each other in any order. Where one of them can be
            -- two steps no single order serves all: four are tried, each event used once in each.
            -- In the fourth the first of like events is their first step, the second their second.
            undecided as (
                select distinct unit, breakdown_value
                from
                    (
                        select unit, breakdown_value
                        from attributed
                        where first_step is not null
                        group by unit, breakdown_value, occurred_at
                        having count(*) > 1 and max(last_step - first_step) > 0
                    ) as instants
            ),

            arranged as (
                select
                    attributed.*,
                    1 as variant,
                    coalesce(first_step * 100 + last_step, {{ idle }}) as precedence
                from attributed
                union all
                select
                    attributed.*,
                    variants.variant,
                    coalesce(
                        case
                            variants.variant
                            when 2
                            then - first_step * 100 - last_step
                            when 3
                            then first_step * 0
                            when 4
                            then
                                coalesce(
                                    {{
                                        nth_smallest(
                                            step_numbers,
                                            "row_number() over (partition by " ~ alike
                                            | join(", ") ~ " order by attributed.tie_break)",
                                        )
                                    }},
                                    last_step
                                )
                                * 100
                        end,
                        {{ idle }}
                    ) as precedence
                from attributed
                inner join
                    undecided
                    on attributed.unit = undecided.unit
                    and attributed.breakdown_value is not distinct from undecided.breakdown_value
                cross join
                    (
                        select 2 as variant
                        union all
                        select 3 as variant
                        union all
                        select 4 as variant
                    ) as variants
            ),
        {% elif order != "ordered" %}
            arranged as (select *, coalesce(first_step, {{ idle }}) as precedence from attributed),
        {% endif %}

        {% if order == "strict" %} {{ funnel_strict_chains(steps, parts, sorting) }}
        {% elif order == "unordered" %}
            {{ funnel_unordered_chains(steps, exclusions, parts, sorting, window_seconds) }}
        {% else %} {{ funnel_ordered_chains(steps, exclusions, parts, disjoint) }}
        {% endif %}

        limited as (
            select *, {{ ts_plus_seconds("opened_at", window_seconds) }} as closes_at from chains
        ),

        timed as (
            select
                unit,
                breakdown_value,
                closes_at,
                {% for each in exclusions %} excluded_{{ loop.index }}, {% endfor %}
                opened_at as t_1
                {% for step in steps[1:] %}
                    ,
                    case
                        when at_{{ loop.index + 1 }} <= closes_at then at_{{ loop.index + 1 }}
                    end as t_{{ loop.index + 1 }}
                {% endfor %}
            from limited
        ),

        counted as (
            select
                *,
                1
                {% for step in steps[1:] %}
                    + case when t_{{ loop.index + 1 }} is null then 0 else 1 end
                {% endfor %} as reached
            from timed
        )

    select
        unit,
        breakdown_value,
        {% for step in steps %} t_{{ loop.index }}, {% endfor %}
        reached,
        (
            {% for each in exclusions %}
                {%- set opens = 1 if order == "unordered" else each["from_step"] + 1 -%}
                {%- set closes = last if order == "unordered" else each["to_step"] + 1 -%}
                coalesce(
                    reached >= {{ opens }}
                    and case
                        when reached >= {{ closes }}
                        then excluded_{{ loop.index }} < t_{{ closes }}
                        else excluded_{{ loop.index }} <= closes_at
                    end,
                    false
                )
                or
            {% endfor %}
            false
        ) as is_tainted
    from counted
{%- endmacro %}

{#- The matched events with the breakdown value under which they count, maybe under several. -#}
{% macro funnel_attributed(
    breakdown, attribution, attribution_step, steps, exclusions, has_variants
) -%}
    {%- set columns = [] -%}
    {%- for step in steps -%} {%- do columns.append("step_" ~ loop.index) -%} {%- endfor -%}
    {%- for each in exclusions -%}
        {%- do columns.append("exclusion_" ~ loop.index) -%}
    {%- endfor -%}
    {%- set extra = "first_step, may_open" ~ (", last_step" if has_variants else "") -%}
    {%- if breakdown and attribution in ["first_touch", "last_touch"] -%}
        {%- set direction = "desc" if attribution == "last_touch" else "asc" %}
        select
            unit,
            occurred_at,
            tie_break,
            first_value(breakdown_value) over (
                partition by unit
                order by
                    case when first_step is null or breakdown_value is null then 1 else 0 end,
                    occurred_at {{ direction }},
                    tie_break {{ direction }}
                rows between unbounded preceding and unbounded following
            ) as breakdown_value,
            {{ columns | join(", ") }},
            {{ extra }}
        from matched
    {%- elif breakdown and attribution == "step" -%}
        {%- set asked = "step_" ~ (attribution_step + 1) %}
        select
            matched.unit,
            matched.occurred_at,
            matched.tie_break,
            held.breakdown_value,
            {% for column in columns %}
                {% if column == asked %}
                    {{ asked }}
                    and (
                        matched.breakdown_value is not distinct from held.breakdown_value
                    ) as {{ asked }},
                {% else %} {{ column }},
                {% endif %}
            {% endfor %}
            {{ extra }}
        from matched
        inner join
            (
                select distinct unit, breakdown_value
                from matched
                where {{ asked }}
                union
                select unit, cast(null as varchar) as breakdown_value
                from matched
                group by unit
                having not max({{ asked }})
            ) as held
            on matched.unit = held.unit
    {%- else %}
        select
            unit, occurred_at, tie_break, breakdown_value, {{ columns | join(", ") }}, {{ extra }}
        from matched
    {%- endif -%}
{%- endmacro %}

{#- For each instant with an event of the first step when the others follow, and the first exclusions after
    theirs. An instant takes who has done `a` steps to `level_a` of them: as many more as its events can
    be, each of them one. From the last step back, every pass adds what follows the first instant ahead
    that takes further: when each step is done, if ever. Such times only grow: what is found first is
    the least. -#}
{% macro funnel_ordered_chains(steps, exclusions, parts, disjoint) -%}
    {%- set last = steps | length -%}
    {%- set sets = step_sets(last, disjoint) -%}
    {%- set window = (
        "over (partition by "
        ~ parts
        ~ " order by occurred_at rows between 1 following and unbounded following)"
    ) -%}
    {#- What is asked of an attempt: a value of the instant that takes it to a level. -#}
    {%- set asked = [] -%}
    {%- for step in steps[1:] -%}
        {%- set number = loop.index + 1 -%}
        {%- do asked.append({"name": "at_" ~ number, "level": number, "own": "occurred_at"}) -%}
    {%- endfor -%}
    {%- for each in exclusions -%}
        {%- do asked.append(
            {
                "name": "excluded_" ~ loop.index,
                "level": each["from_step"] + 1,
                "own": "next_exclusion_" ~ loop.index,
            }
        ) -%}
    {%- endfor -%}
    instants as (
        select
            unit,
            breakdown_value,
            occurred_at,
            may_open
            {% for each in exclusions %}
                ,
                max(
                    case when exclusion_{{ loop.index }} then 1 else 0 end
                ) as is_exclusion_{{ loop.index }}
            {% endfor %}
            {%- for chosen in sets %}
                ,
                sum(
                    case when {{ any_step(chosen["steps"]) }} then 1 else 0 end
                ) as events_of_{{ chosen["name"] }}
            {%- endfor %}
        from attributed
        group by unit, breakdown_value, occurred_at, may_open
    ),

    leveled as (
        select
            unit,
            breakdown_value,
            occurred_at,
            may_open
            {% for each in exclusions %}
                ,
                {{ first_ahead("is_exclusion_" ~ loop.index ~ " = 1", "occurred_at", window) }}
                as next_exclusion_{{ loop.index }}
            {% endfor %}
            {% for step in steps %}
                {%- set done = loop.index0 %},
                case
                    {% for next in range(done + 1, last + 1) %}
                        when
                            {% for chosen in sets if chosen["steps"] | max == next and chosen["steps"] | min > done %}
                                events_of_{{ chosen["name"] }} < {{ chosen["steps"] | length }}
                                {% if not loop.last %} or {% endif %}
                            {% endfor %}
                        then {{ next - 1 }}
                    {% endfor %}
                    else {{ last }}
                end as level_{{ done }}
            {% endfor %}
        from instants
    ),

    {% for back in steps[1:] %}
        {%- set done = last - loop.index -%}
        {%- set takes = [] -%}
        {%- for step in steps[: done + 1] -%}
            {%- do takes.append("level_" ~ loop.index0 ~ " > " ~ loop.index0) -%}
        {%- endfor %}
        ahead_{{ done }} as (
            select
                *
                {% for each in asked if each["level"] > done %}
                    ,
                    {{
                        first_ahead(
                            "level_" ~ done ~ " > " ~ done,
                            funnel_found(each, done, last),
                            window,
                        )
                    }} as {{ each["name"] }}_from_{{ done }}
                {% endfor %}
            from {{ "leveled" if loop.first else "ahead_" ~ (done + 1) }}
            -- No instant that takes nobody with so many steps any further.
            where {{ takes | join(" or ") }}
        ),
    {% endfor %}
    chains as (
        select
            unit,
            breakdown_value,
            {% for each in asked %}
                {{ funnel_found(each, 0, last) }} as {{ each["name"] }},
            {% endfor %}
            occurred_at as opened_at
        from {{ "ahead_1" if last > 1 else "leveled" }}
        where level_0 > 0 and may_open
    ),
{%- endmacro %}

{#- What an instant says of an attempt that has done so many steps: its own value if it takes it to the
    level, else that of the instants ahead. -#}
{% macro funnel_found(asked, done, last) -%}
    case
        when level_{{ done }} >= {{ asked["level"] }}
        then {{ asked["own"] }}
        {% for level in range([done + 1, 1] | max, asked["level"]) %}
            when level_{{ done }} = {{ level }} then {{ asked["name"] }}_from_{{ level }}
        {% endfor %}
    end
{%- endmacro %}

{#- Sets of steps, of which an instant must have as many events for each of them to find one of its own
    (Hall). Where no event is two steps the single ones say it all. -#}
{% macro step_sets(last, disjoint) -%}
    {%- set found = [] -%}
    {%- for chosen in range(1, last + 1 if disjoint else 2**last) -%}
        {%- set members = [chosen] if disjoint else [] -%}
        {%- for number in range(1, last + 1) if not disjoint -%}
            {%- if (chosen // 2 ** (number - 1)) % 2 -%}
                {%- do members.append(number) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do found.append({"steps": members, "name": members | join("_")}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
{% macro any_step(numbers) -%}
    {%- set found = [] -%}
    {%- for number in numbers -%} {%- do found.append("step_" ~ number) -%} {%- endfor -%}
    {{ found | join(" or ") }}
{%- endmacro %}

{#- The first value that the rows ahead with a condition have. -#}
{% macro first_ahead(condition, value, window) -%}
    first_value(case when {{ condition }} then {{ value }} end ignore nulls) {{ window }}
{%- endmacro %}

{% macro funnel_strict_chains(steps, parts, sorting) -%}
    {%- set window = "over (partition by " ~ parts ~ " order by " ~ sorting ~ ")" -%}
    following as (
        select
            unit,
            breakdown_value,
            occurred_at as opened_at,
            step_1 and may_open as opens
            {% for step in steps[1:] %}
                ,
                case
                    when lead(step_{{ loop.index + 1 }}, {{ loop.index }}) {{ window }}
                    then lead(occurred_at, {{ loop.index }}) {{ window }}
                end as next_{{ loop.index + 1 }}
            {% endfor %}
        from arranged
    ),

    chains as (
        select
            unit,
            breakdown_value,
            opened_at
            {% for step in steps[1:] %}
                ,
                case
                    when
                        {% for before in steps[1 : loop.index] %}
                            next_{{ loop.index + 1 }} is not null and
                        {% endfor %} true
                    then next_{{ loop.index + 1 }}
                end as at_{{ loop.index + 1 }}
            {% endfor %}
        from following
        where opens
    ),
{%- endmacro %}

{#- Every event of a step may open; the others are taken where they come next. A step that is asked for
    twice needs a second event. -#}
{% macro funnel_unordered_chains(steps, exclusions, parts, sorting, window_seconds) -%}
    {%- set last = steps | length -%}
    {%- set frame = "over (partition by " ~ parts ~ " order by " ~ sorting -%}
    {%- set onward = frame ~ " rows between current row and unbounded following)" -%}
    {%- set ahead = frame ~ " rows between 1 following and unbounded following)" -%}
    {%- set places = [] -%}
    {%- for step in steps -%}
        {%- set number = loop.index -%}
        {%- set before = [] -%}
        {%- for each in steps[: loop.index0] -%}
            {%- if each == step -%} {%- do before.append(loop.index) -%} {%- endif -%}
        {%- endfor -%}
        {%- do places.append(before | last if before else none) -%}
        {%- set source = "arranged" if loop.first else "onward_" ~ (number - 1) %}
        onward_{{ number }} as (
            select
                *,
                {% if before %}
                    min(
                        case when step_{{ number }} then then_{{ before | last }} end
                    ) {{ onward }} as next_{{ number }},
                    min(
                        case when step_{{ number }} then then_{{ before | last }} end
                    ) {{ ahead }} as then_{{ number }}
                {% else %}
                    min(
                        case when step_{{ number }} then occurred_at end
                    ) {{ onward }} as next_{{ number }},
                    min(
                        case when step_{{ number }} then occurred_at end
                    ) {{ ahead }} as then_{{ number }}
                {% endif %}
            from {{ source }}
        ),
    {% endfor %}
    within as (
        select
            *,
            {% for step in steps %}
                case
                    when
                        next_{{ loop.index }}
                        <= {{ ts_plus_seconds("occurred_at", window_seconds) }}
                    then next_{{ loop.index }}
                end as used_{{ loop.index }},
            {% endfor %}
            {% for each in exclusions %}
                min(
                    case when exclusion_{{ loop.index }} then occurred_at end
                ) {{ ahead }} as excluded_{{ loop.index }},
            {% endfor %}
            {% if disjoint %} {{ last }} as step_count
            {% else %}
                -- One event is one step, even if it could be two. As many steps find events of
                -- their own as the scarcest choice of steps leaves: all the others, and one for
                -- each event that any of the chosen could use (König).
                least(
                    {% for chosen in range(1, 2**last) %}
                        {%- set any_of = [] -%}
                        {%- for step in steps -%}
                            {%- if (chosen // 2**loop.index0) % 2 -%}
                                {%- do any_of.append("step_" ~ loop.index) -%}
                            {%- endif -%}
                        {%- endfor %}
                        {{ last - any_of | length }}
                        + sum(case when {{ any_of | join(" or ") }} then 1 else 0 end) over (
                            partition by {{ parts }}
                            order by occurred_at
                            range
                                between current row
                                and interval '{{ window_seconds }} seconds' following
                        )
                        {% if not loop.last %},{% endif %}
                    {% endfor %}
                ) as step_count
            {% endif %}
        from onward_{{ last }}
    ),

    chains as (
        {%- set used = [] -%}
        {%- for step in steps -%}{%- do used.append("used_" ~ loop.index) -%}{%- endfor %}
        select
            unit,
            breakdown_value,
            {% for each in exclusions %} excluded_{{ loop.index }}, {% endfor %}
            {% for step in steps[1:] %}
                case
                    when step_count >= {{ loop.index + 1 }}
                    then {{ nth_smallest(used, loop.index + 1) }}
                end as at_{{ loop.index + 1 }},
            {% endfor %}
            occurred_at as opened_at
        from within
        where first_step is not null and may_open
    ),
{%- endmacro %}

{#- The n-th smallest of expressions of one row, nulls last. -#}
{% macro nth_smallest(expressions, n) -%}
    {{ return(adapter.dispatch("nth_smallest")(expressions, n)) }}
{%- endmacro %}
{% macro default__nth_smallest(expressions, n) -%}
    element_at(array_sort(array({{ expressions | join(", ") }})), {{ n }})
{%- endmacro %}
{% macro duckdb__nth_smallest(expressions, n) -%}
    list_sort([{{ expressions | join(", ") }}], 'asc', 'nulls last')[{{ n }}]
{%- endmacro %}

{#- The attempts that can be the one that counts, where no event is two steps and nothing excludes or
    breaks down: (unit, reached, t_1 … t_K). Of all that lead to an event the last to start is the best,
    and of the events of a step that follow it the first is: so an event goes on only if an event of the
    step before, itself gone on, is its neighbour among the two. -#}
{% macro funnel_last_starts(relation, steps, range, window_seconds, unit, completes_after_range) -%}
    {%- set timezone = range.get("timezone", "UTC") -%}
    {%- set from_range = {"from": range.get("from"), "timezone": timezone} -%}
    {%- set over = "over (partition by unit order by occurred_at, is_next)" -%}
    {#- The steps before the last one: the times of an attempt that a neighbour is not already. -#}
    {%- set carried = [] -%}
    with
        reached_1 as (
            select {{ unit }} as unit, occurred_at as t_1
            from {{ relation }}
            where
                {{ unit }} is not null and {{ in_range("occurred_at", range) }} and ({{ steps[0] }})
        )

        {% for step in steps[1:] %}
            {%- set level = loop.index + 1 %}
            {#- Where times are carried, they say whose the neighbour is. -#}
            {%- set before = (
                "occurred_at"
                if carried
                else "case when not is_next then occurred_at end"
            ) %},
            merged_{{ level }} as (
                select
                    unit,
                    {% for time in carried %} {{ time }}, {% endfor %}
                    t_{{ level - 1 }} as occurred_at,
                    false as is_next
                from reached_{{ level - 1 }}
                union all
                select
                    {{ unit }} as unit,
                    {% for time in carried %} cast(null as timestamp) as {{ time }}, {% endfor %}
                    occurred_at,
                    true as is_next
                from {{ relation }}
                where
                    {{ unit }} is not null
                    and {{ in_range("occurred_at", from_range if completes_after_range else range) }}
                    and ({{ step }})
            ),

            neighbours_{{ level }} as (
                select
                    unit,
                    {% for time in carried %} lag({{ time }}) {{ over }} as {{ time }}, {% endfor %}
                    lag({{ before }}) {{ over }} as t_{{ level - 1 }},
                    occurred_at as t_{{ level }},
                    is_next
                from merged_{{ level }}
            ),

            -- After another event of the step there is no t_1. Who is late here stays late.
            reached_{{ level }} as (
                select *
                from neighbours_{{ level }}
                where is_next and t_{{ level }} <= {{ ts_plus_seconds("t_1", window_seconds) }}
            )
            {%- do carried.append("t_" ~ (level - 1)) -%}
        {% endfor %}

    {% for step in steps %}
            {%- set level = loop.index %}
        select
            unit
            {% for other in steps %}
                ,
                {{ "t_" ~ loop.index if loop.index <= level else "cast(null as timestamp)" }}
                as t_{{ loop.index }}
            {% endfor %},
            {{ level }} as reached
        from reached_{{ level }}
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}
{%- endmacro %}

{#- Of such attempts those that count. Of a unit and a level no two get there at one time: the first is
    one. It is asked for outside the query of the attempts: DuckDB leaves out what nobody reads (half
    of the grouping, where levels alone are asked for), but not of a query with CTEs that are kept. -#}
{% macro funnel_furthest(attempts, steps) -%}
    select
        unit,
        cast(null as varchar) as breakdown_value,
        {% for step in steps %}
            {%- set place = loop.index %}
            case
                reached
                {% for other in steps[place - 1 :] %}
                    {%- set level = place + loop.index0 %}
                    when {{ level }}
                    then t_{{ place }}_at_{{ level }}
                {% endfor %}
            end as t_{{ place }},
        {% endfor %}
        reached
    from
        (
            select
                unit
                {% for step in steps %}
                    {%- set level = loop.index %}
                    {% for other in steps[:level] %}
                        ,
                        min_by(
                            t_{{ loop.index }},
                            case when reached = {{ level }} then t_{{ level }} end
                        ) as t_{{ loop.index }}_at_{{ level }}
                    {% endfor %}
                {% endfor %},
                max(reached) as reached
            from ({{ attempts }}) as attempts
            group by unit
        ) as firsts
{%- endmacro %}

{#- One row a unit (and breakdown value): the attempt that counts, with t_1 … t_K and `reached`: the
    furthest, a clean one first, then the one that got there first, then the latest to start, then the
    one whose steps between came first. -#}
{% macro funnel_conversions(relation, steps, range, window_seconds) -%}
    {%- set is_unordered = kwargs.get("order") == "unordered" -%}
    {%- set is_plain = (
        kwargs.get("disjoint")
        and kwargs.get("order", "ordered") == "ordered"
        and not kwargs.get("exclusions")
        and not kwargs.get("breakdown")
    ) -%}
    {%- if is_plain -%}
        {{
            funnel_furthest(
                funnel_last_starts(
                    relation,
                    steps,
                    range,
                    window_seconds,
                    kwargs.get("unit", "person_id"),
                    kwargs.get("completes_after_range", false),
                ),
                steps,
            )
        }}
    {%- else -%}
        select
            unit, breakdown_value, {% for step in steps %} t_{{ loop.index }}, {% endfor %} reached
        from
            (
                select
                    *,
                    row_number() over (
                        partition by
                            unit {% if kwargs.get("breakdown") %}, breakdown_value {% endif %}
                        order by
                            {% if is_unordered %} case when is_tainted then 1 else 0 end,
                            {% endif %}
                            reached desc,
                            case when is_tainted then 1 else 0 end,
                            case
                                reached
                                {% for step in steps %}
                                    when {{ loop.index }} then t_{{ loop.index }}
                                {% endfor %}
                            end,
                            t_1 desc
                            {% for step in steps[2:] %}, t_{{ loop.index + 1 }}
                            {% endfor %}
                    ) as choice
                from
                    (
                        {{ funnel_attempts(relation, steps, range, window_seconds, **kwargs) }}
                    ) as attempts
            ) as ranked
        where choice = 1 and not is_tainted
    {%- endif -%}
{%- endmacro %}

{#- (breakdown_value, step, value, average_seconds, median_seconds): units that reached a step and how
    long they took from the step before, by the steps of every value seen; all are 0 without anybody. -#}
{% macro funnel(relation, steps, range, window_seconds) -%}
    with
        conversions as ({{ funnel_conversions(relation, steps, range, window_seconds, **kwargs) }}),

        numbers as (
            {% for step in steps %}
                select {{ loop.index }} as step
                {% if not loop.last %}
                    union all
                {% endif %}
            {% endfor %}
        ),

        values_seen as ({{ breakdown_values("conversions", kwargs.get("breakdown")) }}),

        durations as (
            select
                values_seen.breakdown_value,
                numbers.step,
                conversions.unit,
                case
                    numbers.step
                    when 1
                    then null
                    {% for step in steps[1:] %}
                        when {{ loop.index + 1 }}
                        then
                            {{
                                seconds_between(
                                    "conversions.t_" ~ loop.index,
                                    "conversions.t_" ~ (loop.index + 1),
                                )
                            }}
                    {% endfor %}
                end as seconds
            from values_seen
            cross join numbers
            left join
                conversions
                on conversions.reached >= numbers.step
                and conversions.breakdown_value is not distinct from values_seen.breakdown_value
        )

    select
        breakdown_value,
        step,
        count(unit) as value,
        avg(seconds) as average_seconds,
        median(seconds) as median_seconds
    from durations
    group by breakdown_value, step
{%- endmacro %}

{#- (breakdown_value, bucket, entered, converted): units that entered in a bucket, and those of them with an
    attempt from that bucket that got through, whenever that was. A unit counts once in each bucket.
    from_step, to_step: which steps (from 1) are entering and getting through. -#}
{% macro funnel_trends(
    relation,
    steps,
    range,
    window_seconds,
    interval,
    week_start="monday",
    from_step=1,
    to_step=none
) -%}
    {%- set is_in = "reached >= " ~ from_step -%}
    {%- if kwargs.get("order") != "unordered" -%}
        {%- set is_in = is_in ~ " and not is_tainted" -%}
    {%- endif -%}
    with
        attempts as ({{ funnel_attempts(relation, steps, range, window_seconds, **kwargs) }}),

        spine as ({{ bucket_spine(range, interval, week_start) }}),

        counted as (
            select
                breakdown_value,
                {{ bucket("t_1", interval, range.get("timezone", "UTC"), week_start) }} as bucket,
                count(distinct case when {{ is_in }} then unit end) as entered,
                count(
                    distinct case
                        when reached >= {{ to_step or steps | length }} and not is_tainted then unit
                    end
                ) as converted
            from attempts
            group by 1, 2
        ),

        values_seen as ({{ breakdown_values("counted", kwargs.get("breakdown")) }})

    select
        values_seen.breakdown_value,
        spine.bucket,
        coalesce(counted.entered, 0) as entered,
        coalesce(counted.converted, 0) as converted
    from spine
    cross join values_seen
    left join
        counted
        on spine.bucket = counted.bucket
        and values_seen.breakdown_value is not distinct from counted.breakdown_value
{%- endmacro %}

{#- (bin_from, value, average_seconds): how long units took between two steps (from 1), in bins of equal
    width, left-closed, from the quickest on. bins: how many; else the cube root of the units. -#}
{% macro funnel_time_histogram(
    relation, steps, range, window_seconds, from_step=1, to_step=none, bins=none
) -%}
    {%- set to_step = to_step or steps | length -%}
    with
        conversions as ({{ funnel_conversions(relation, steps, range, window_seconds, **kwargs) }}),

        durations as (
            select {{ seconds_between("t_" ~ from_step, "t_" ~ to_step) }} as seconds
            from conversions
            where reached >= {{ to_step }}
        ),

        shape as (
            select
                min(seconds) as shortest,
                max(seconds) as longest,
                avg(seconds) as average_seconds,
                {% if bins %} {{ bins }}
                {% else %} cast(ceil(round(power(count(*), 1.0 / 3), 9)) as integer)
                {% endif %} as bin_count
            from durations
        ),

        widths as (
            select
                shortest,
                average_seconds,
                bin_count,
                -- All took equally long: a minute is as good a width as any.
                case
                    when longest > shortest then ceil((longest - shortest) / bin_count) else 60
                end as width
            from shape
        ),

        edges as (
            select widths.*, numbers.number, shortest + numbers.number * width as bin_from
            from widths
            inner join ({{ numbers(91) }}) as numbers on numbers.number <= widths.bin_count
        )

    select
        edges.bin_from,
        count(durations.seconds) as value,
        any_value(edges.average_seconds) as average_seconds
    from edges
    left join
        durations
        on durations.seconds >= edges.bin_from
        and durations.seconds < edges.bin_from + edges.width
    group by edges.bin_from
{%- endmacro %}
