-- One row per month and account that paid twelve months before: what became of that MRR. The same
-- accounts on both sides, so that a retention of any group and month is a sum over a sum; rates of
-- single months, multiplied or averaged, are another number.
with months as (select * from {{ ref("int_account_months") }})

select
    months.month_start,
    months.account_id,
    coalesce(traits.segment, 'unknown') as segment,
    cast(before.mrr_usd as decimal(18, 2)) as year_ago_mrr_usd,
    cast(months.mrr_usd as decimal(18, 2)) as mrr_usd,
    cast(least(months.mrr_usd, before.mrr_usd) as decimal(18, 2)) as kept_mrr_usd,
    {{ later_bucket("months.month_start", 1, "month") }} <= clock.as_of as is_complete
from months
inner join
    months as before
    on months.account_id = before.account_id
    and months.position = before.position + 12
cross join {{ ref("int_clock") }} as clock
left join {{ ref("int_account_traits") }} as traits on months.account_id = traits.account_id
where before.mrr_usd > 0
