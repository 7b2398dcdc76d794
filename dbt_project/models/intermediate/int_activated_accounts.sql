-- Accounts that did all that the seed activation_rules asks for, soon enough after the sign-up.
with asked as (select count(*) as rule_count from {{ ref("activation_rules") }})

select uses.account_id, max(uses.met_at) as activated_at
from {{ ref("int_lead_usage") }} as uses
cross join asked
where uses.met_at is not null
group by uses.account_id
having count(*) = max(asked.rule_count)
