{#- The kind of channel that brought a visit: (entry_id, channel). The first rule that holds decides:
    own rules, cross-network campaigns, paid, direct, organic. Which sources, sites and media mean what
    is data: the seeds channel_sources and channel_mediums.
    Definition: PostHog `posthog/hogql/database/schema/channel_type.py` and its tests.

    relation: (entry_id, utm_source, utm_medium, utm_campaign, gclid, gad_source, fbclid,
    referring_domain), the values a visit came in with; '$direct' is no referrer. Tags are trimmed and
    lower-cased; '' and 'null' are missing.
    own_rules: {"channel", "condition"}, tried first and in order; the cleaned values are what they see.
    more: further columns for them alone, as the address of the first page. -#}
{% macro channel_types(relation, own_rules=[], more=[]) -%}
    {%- set tags = [
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "gclid",
        "gad_source",
        "fbclid",
        "referring_domain",
    ] + more -%}
    {%- set kinds = ["search", "social", "video", "shopping"] -%}
    with
        entries as (
            select
                entry_id,
                {% for tag in tags %}
                    nullif(nullif(lower(trim({{ tag }})), ''), 'null') as {{ tag }}
                    {% if not loop.last %},{% endif %}
                {% endfor %}
            from {{ relation }}
        ),

        -- A source is listed by name or as a site; `google.` stands for google in any country.
        listed as (
            select
                source,
                kind,
                case when source like '%.' then 1 else 0 end as is_any_country,
                case
                    when source like '%.' then substring(source, 1, length(source) - 1) else source
                end as name
            from {{ ref("channel_sources") }}
        ),

        names as (
            select utm_source as name
            from entries
            where utm_source is not null
            union
            select referring_domain as name
            from entries
            where referring_domain is not null
        ),

        found as (
            select
                names.name,
                listed.kind,
                row_number() over (
                    partition by names.name order by length(listed.source) desc, listed.source
                ) as choice
            from names
            inner join
                listed
                on names.name = listed.name
                or (
                    listed.source like '%.%'
                    and case
                        when listed.is_any_country = 1
                        -- What follows is a country or two: `.com`, `.co.uk`.
                        then
                            '.' || names.name like '%.' || listed.source || '%'
                            and length(names.name)
                            - length(replace(names.name, '.', ''))
                            - (
                                length(
                                    split_part('.' || names.name, '.' || listed.source, 1)
                                ) - length(
                                    replace(
                                        split_part('.' || names.name, '.' || listed.source, 1),
                                        '.',
                                        ''
                                    )
                                )
                            )
                            <= 2
                            + length(listed.source)
                            - length(replace(listed.source, '.', ''))
                            - 1
                        else names.name like '%.' || listed.source
                    end
                )
        ),

        kinds as (select name, kind from found where choice = 1),

        known as (
            select
                entries.*,
                sources.kind as source_kind,
                sites.kind as site_kind,
                mediums.organic_channel as organic_medium,
                mediums.paid_channel as paid_medium,
                coalesce(
                    entries.utm_medium in ('cpc', 'cpm', 'cpv', 'cpa', 'ppc', 'retargeting')
                    or entries.utm_medium like 'paid%',
                    false
                )
                or entries.gclid is not null
                or entries.gad_source is not null as is_paid,
                coalesce(
                    {{ names_shopping("entries.utm_campaign") }}, false
                ) as is_shopping_campaign,
                coalesce(entries.utm_campaign like '%video%', false) as is_video_campaign
            from entries
            left join kinds as sources on entries.utm_source = sources.name
            left join kinds as sites on entries.referring_domain = sites.name
            left join {{ ref("channel_mediums") }} as mediums on entries.utm_medium = mediums.medium
        )

    select
        entry_id,
        case
            {% for rule in own_rules %}
                when {{ rule["condition"] }} then '{{ rule["channel"] }}'
            {% endfor %}
            when utm_campaign like '%cross-network%'
            then 'Cross Network'
            when is_paid
            then
                coalesce(
                    case
                        source_kind
                        {% for kind in kinds %}
                            when '{{ kind }}' then 'Paid {{ kind | capitalize }}'
                        {% endfor %}
                    end,
                    case when is_shopping_campaign then 'Paid Shopping' end,
                    paid_medium,
                    case
                        site_kind
                        {% for kind in kinds %}
                            when '{{ kind }}' then 'Paid {{ kind | capitalize }}'
                        {% endfor %}
                    end,
                    case
                        when gad_source = '1'
                        then 'Paid Search'
                        when is_video_campaign
                        then 'Paid Video'
                        when fbclid is not null
                        then 'Paid Social'
                        else 'Paid Unknown'
                    end
                )
            when
                referring_domain = '$direct'
                and utm_medium is null
                and coalesce(utm_source, 'direct') in ('direct', '(direct)', '$direct')
                and fbclid is null
            then 'Direct'
            else
                coalesce(
                    {{ organic_channel("source_kind", kinds) }},
                    case when is_shopping_campaign then 'Organic Shopping' end,
                    organic_medium,
                    {{ organic_channel("site_kind", kinds) }},
                    case
                        when is_video_campaign
                        then 'Organic Video'
                        when utm_medium like '%push'
                        then 'Push'
                        when fbclid is not null
                        then 'Organic Social'
                        when referring_domain = '$direct'
                        then 'Direct'
                        when referring_domain is not null
                        then 'Referral'
                        else 'Unknown'
                    end
                )
        end as channel
    from known
{%- endmacro %}

{% macro organic_channel(kind, kinds) -%}
    case
        {{ kind }}
        {% for each in kinds %}
            when '{{ each }}' then 'Organic {{ each | capitalize }}'
        {% endfor %}
        when 'email'
        then 'Email'
        when 'sms'
        then 'SMS'
        when 'push'
        then 'Push'
    end
{%- endmacro %}

{#- "shop" as a word of a campaign, or shopping anywhere: not workshop, not bishop. -#}
{% macro names_shopping(column) -%}
    {{ return(adapter.dispatch("names_shopping")(column)) }}
{%- endmacro %}
{% macro default__names_shopping(column) -%}
    {{ column }} rlike '(^|[^a-df-z])shop|shopping'
{%- endmacro %}
{% macro duckdb__names_shopping(column) -%}
    regexp_matches({{ column }}, '(^|[^a-df-z])shop|shopping')
{%- endmacro %}
