{{ config(materialized="view") }}
select distinct {{ week_start("event_date") }} as week_start
from {{ ref("int_changed_days") }}
