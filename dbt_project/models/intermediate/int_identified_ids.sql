-- distinct id → person → account in one step, as the product facts use it.
select
    distinct_ids.distinct_id,
    distinct_ids.person_id,
    people.account_id,
    coalesce(people.is_internal, false) as is_internal
from {{ ref("int_distinct_ids") }} as distinct_ids
left join {{ ref("int_people") }} as people on distinct_ids.person_id = people.person_id
