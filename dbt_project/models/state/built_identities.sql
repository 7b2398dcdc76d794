-- The identities that the facts were built with, to tell tomorrow whose history must move.
-- depends_on: {{ ref("daily_active_people") }}
-- depends_on: {{ ref("feature_adoption_weekly") }}
select distinct_id, person_id, account_id, is_internal from {{ ref("int_identified_ids") }}
