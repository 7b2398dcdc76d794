-- CRM records that were merged away and the record that took their place. The loser vanishes from
-- every HubSpot list without a trace of its own; only the winner names it.
{{ config(materialized="view") }}
{% set merged = [
    ("companies", "company_id", "merged_company_ids"),
    ("contacts", "contact_id", "merged_contact_ids"),
    ("deals", "deal_id", "merged_deal_ids"),
] %}
with
    merges as (
        {% for object_type, key, column in merged %}
            select '{{ object_type }}' as object_type, part as loser_id, {{ key }} as winner_id
            from ({{ split_rows(ref("stg_hubspot__" ~ object_type), key, column) }}) as parts
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )

select merges.object_type, merges.loser_id, max(merges.winner_id) as winner_id
from merges
-- A winner that was itself merged later is not where the record lives now.
left join
    merges as later on merges.object_type = later.object_type and merges.winner_id = later.loser_id
where later.loser_id is null
group by merges.object_type, merges.loser_id
