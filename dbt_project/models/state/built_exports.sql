-- Exports whose rows the facts hold. Built last, after every fact and its tests: a night that
-- failed half-way leaves its exports out, and the next one builds their days again.
-- depends_on: {{ ref("daily_active_people") }}
-- depends_on: {{ ref("feature_adoption_weekly") }}
select run_id, exported_at from {{ ref("stg_posthog__exports") }} where model_name = 'events'
