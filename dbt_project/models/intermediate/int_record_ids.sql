-- Every CRM record that is known, live, in the bin or merged away: what a link may point at.
{{ config(materialized="view") }}
{% set keys = {"companies": "company_id", "contacts": "contact_id", "deals": "deal_id"} %}
{% for object_type, key in keys.items() %}
    select '{{ object_type }}' as object_type, {{ key }} as record_id
    from {{ ref("stg_hubspot__" ~ object_type) }}
    union
{% endfor %}
select object_type, loser_id as record_id
from {{ ref("int_merged_objects") }}
