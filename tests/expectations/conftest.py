"""A small warehouse in which every expectation holds."""

import shutil
from pathlib import Path

import duckdb
import pytest

RAW = """
create schema posthog;
create table posthog.events as
select 'event-' || day || '-' || number as uuid,
    case number % 4 when 0 then 'signed_up' when 1 then '$pageview' else 'task_completed' end
        as event,
    'user_' || number % 50 as distinct_id, 'user_' || number % 50 as person_id,
    '{}' as properties, '{}' as person_properties, null::varchar as elements_chain,
    timestamptz '2026-01-01 00:00:00+00' + to_days(day::int) + to_minutes(number * 2)
        as "timestamp",
    "timestamp" + interval 5 minute as created_at, created_at as _inserted_at
from range(40) as days(day), range(600) as numbers(number);
-- Delivered twice, as vendors do.
insert into posthog.events select * from posthog.events limit 30;
create table posthog.persons as
select distinct_id, min(person_id) as person_id, '{}' as properties,
    0 as person_distinct_id_version, 0 as person_version, min(created_at) as created_at,
    min(_inserted_at) as _inserted_at, false as is_deleted, 1 as team_id
from posthog.events group by distinct_id;
create table posthog.exports as
select model || '-1' as run_id, model, timestamptz '2026-01-01 00:00:00+00' as interval_start,
    timestamptz '2026-02-10 00:00:00+00' as interval_end, 4800 as row_count,
    timestamptz '2026-02-10 00:00:00+00' as exported_at
from (values ('events'), ('persons')) as models(model);
create table posthog.erased_counts (
    table_name varchar, scope varchar, part varchar, row_count bigint);
create table posthog.source_counts as
select 'events' as table_name, strftime("timestamp" at time zone 'UTC', '%Y-%m-%d') as scope,
    count(distinct uuid) as source_count, timestamptz '2026-02-10 01:00:00+00' as counted_at
from posthog.events group by scope;

create schema hubspot;
create table hubspot.contacts as
select number::varchar as id,
    case when number = 1 then '{"hs_merged_object_ids": "198;199"}' else '{}' end as properties,
    timestamptz '2026-01-01 00:00:00+00' as created_at,
    timestamptz '2026-02-09 00:00:00+00' as updated_at,
    number = 197 as archived, null::timestamptz as archived_at
from range(200) as numbers(number);
create table hubspot.companies as select * from hubspot.contacts;
create table hubspot.deals as
select id, archived, archived_at, created_at, updated_at,
    json_object('dealstage', case when id::int % 2 = 0 then 'closedwon' else 'contractsent' end,
        'amount', (id::int * 10)::varchar,
        'hs_merged_object_ids', case when id = '1' then '198;199' end)::varchar as properties
from hubspot.contacts;
create table hubspot.deal_property_history as
select id as deal_id, 'dealstage' as property, 'contractsent' as value, created_at as changed_at
from hubspot.deals;
create table hubspot.associations as
select object_type as from_type, id as from_id, 'companies' as to_type, '' as to_id, 1 as type_id
from hubspot.contacts, (values ('contacts'), ('deals')) as types(object_type);
create table hubspot.erased_counts (
    table_name varchar, scope varchar, part varchar, row_count bigint);
create table hubspot.source_counts as
select table_name, 'live' as scope, 197 as source_count,
    timestamptz '2026-02-10 01:00:00+00' as counted_at
from (values ('contacts'), ('companies'), ('deals')) as tables(table_name);

create schema typeform;
create table typeform.responses as
select case when number % 2 = 0 then 'npsFrm01' else 'csatFm01' end as form_id,
    'token-' || number as token, timestamptz '2026-02-01 00:00:00+00' as submitted_at
from range(100) as numbers(number);
create table typeform.answers as
select form_id, token, 0 as position, '9' as value from typeform.responses;
create table typeform.erased_counts (
    table_name varchar, scope varchar, part varchar, row_count bigint);
create table typeform.source_counts as
select 'responses' as table_name, form_id as scope, count(*) as source_count,
    timestamptz '2026-02-10 01:00:00+00' as counted_at
from typeform.responses group by form_id;

create schema surveymonkey;
create table surveymonkey.responses as
select '40100' || number % 2 as survey_id, 'reply-' || number as id, 'completed' as status,
    timestamptz '2026-02-01 00:00:00+00' as created_at, 2::bigint as generation
from range(100) as numbers(number);
-- Gone there: the reading after that did not bring it.
insert into surveymonkey.responses
select '401000', 'gone', 'completed', timestamptz '2026-01-01 00:00:00+00', 1;
create table surveymonkey.choices as
select distinct survey_id, 'q' as question_id, survey_id || '-c' as choice_id
from surveymonkey.responses;
create table surveymonkey.answers as
select survey_id, id as response_id, 1 as position, 'q' as question_id,
    survey_id || '-c' as choice_id
from surveymonkey.responses;
create table surveymonkey.survey_reads as
select distinct survey_id, 2::bigint as generation, cast(null as timestamptz) as waits_since
from surveymonkey.responses;
create table surveymonkey.erased_counts (
    table_name varchar, scope varchar, part varchar, row_count bigint);
create table surveymonkey.source_counts as
select 'responses' as table_name, survey_id as scope, 50 as source_count,
    timestamptz '2026-02-10 01:00:00+00' as counted_at
from surveymonkey.survey_reads;

create schema ads;
create table ads.google_costs as
select '1' as customer_id, date '2026-01-01' as month, number::varchar as campaign_id,
    'USD' as currency_code, '2500000' as cost_micros
from range(4) as numbers(number);
create table ads.linkedin_costs as
select '1' as account_id, date '2026-01-01' as month, '1' as campaign_urn, '7.50' as cost_in_usd;
create table ads.meta_costs as
select '1' as account_id, date '2026-01-01' as month, '1' as campaign_id,
    'USD' as account_currency, '2.50' as spend;
create table ads.other_costs as
select '1' as spreadsheet_id, date '2026-01-01' as month, 'webinar' as channel, '30' as cost_usd;
create table ads.source_counts as
select table_name, '1 2026-01' as scope, case table_name when 'google_costs' then 4 else 1 end
        as source_count,
    timestamptz '2026-02-10 01:00:00+00' as counted_at
from (values ('google_costs'), ('linkedin_costs'), ('meta_costs'), ('other_costs'))
    as tables(table_name);

create schema stripe;
create table stripe.customers as
select 'cus_' || number as id, false as is_deleted,
    timestamptz '2026-01-01 00:00:00+00' + to_days(number::int) as created
from range(4) as numbers(number);
create table stripe.subscriptions as
select replace(id, 'cus', 'sub') as id, id as customer, 'active' as status, created,
    case when id = 'cus_3' then created + interval 20 day end as ended_at
from stripe.customers;
create table stripe.subscription_items as
select replace(id, 'sub', 'si') as id, id as subscription, 'price_1' as price,
    10::bigint as quantity
from stripe.subscriptions;
create table stripe.prices as
select 'price_1' as id, '5500' as unit_amount_decimal, 'month' as "interval",
    1::bigint as interval_count, 'usd' as currency, timestamptz '2026-01-01 00:00:00+00' as created;
create table stripe.invoices as
select replace(id, 'sub', 'in') as id, 55000::bigint as subtotal, 55000::bigint as total, created,
    false as is_deleted
from stripe.subscriptions;
create table stripe.invoice_lines as
select 'il' as id, id as invoice, 'price_1' as price, 10::bigint as quantity, total as amount
from stripe.invoices;
create table stripe.credit_notes as
select 'cn_1' as id, 'in_3' as invoice, 'issued' as status, created
from stripe.invoices where id = 'in_3';
create table stripe.source_counts as
select table_name, strftime(created at time zone 'UTC', '%Y-%m-%d') as scope,
    count(*) as source_count, timestamptz '2026-02-03 01:00:00+00' as counted_at
from (
    select 'customers' as table_name, created from stripe.customers
    union all select 'subscriptions', created from stripe.subscriptions
    union all select 'invoices', created from stripe.invoices
    union all select 'credit_notes', created from stripe.credit_notes
    union all select 'prices', created from stripe.prices
) group by all;

create schema zendesk;
create table zendesk.users as
select 'user_' || number as id, true as active from range(100) as numbers(number);
create table zendesk.organizations as
select 'org_' || number as id, null::timestamptz as deleted_at from range(100) as numbers(number);
create table zendesk.tickets as
select id as requester_id, replace(id, 'user', 'ticket') as id, 'Help.' as description,
    'solved' as status, 'good' as satisfaction_score, null::varchar as follows_id,
    id as submitter_id,
    timestamptz '2026-02-09 00:00:00+00' as created_at,
    timestamptz '2026-02-10 00:00:00+00' as solved_at
from zendesk.users;
create table zendesk.satisfaction_ratings as
select replace(id, 'ticket', 'rating') as id, id as ticket_id from zendesk.tickets;
create table zendesk.erased_counts (
    table_name varchar, scope varchar, part varchar, row_count bigint);
create table zendesk.source_counts as
select table_name, 'live' as scope, 100 as source_count,
    timestamptz '2026-02-10 01:00:00+00' as counted_at
from (values ('tickets'), ('users'), ('organizations')) as tables(table_name);

create schema intercom;
create table intercom.contacts as
select 'contact_' || number as id from range(100) as numbers(number);
create table intercom.companies as select * from intercom.contacts;
create table intercom.conversations as
select id as contact_id, replace(id, 'contact', 'talk') as id, 'Help.' as body,
    'customer_initiated' as delivered_as, null::varchar as replies,
    timestamptz '2026-02-09 00:00:00+00' as created_at
from intercom.contacts;
create table intercom.live_conversations as
select cast(created_at as date) as created_date, id from intercom.conversations;
create table intercom.erased_counts (
    table_name varchar, scope varchar, part varchar, row_count bigint);
create table intercom.source_counts as
select table_name, 'live' as scope, 100 as source_count,
    timestamptz '2026-02-10 01:00:00+00' as counted_at
from (values ('conversations'), ('contacts'), ('companies')) as tables(table_name);

create schema linear;
create table linear.customers as
select 'c' || number as id from range(10) as numbers(number);
create table linear.customer_keys as
select id as customer, 'domain' as key_type, id || '.example' as value from linear.customers;
create table linear.customer_needs as
select 'n' || number as id, 'c' || number as customer from range(10) as numbers(number);
create table linear.projects as
select 'p1' as id, timestamptz '2026-01-20' as completed_at, false as trashed;
create table linear.teams as select 't1' as id;
create table linear.workflow_states as select 's1' as id;
create table linear.issues as
select 'i' || number as id, 's1' as state, 't1' as team,
    timestamptz '2026-02-01 00:00:00+00' as started_at, started_at + interval 2 day as completed_at,
    completed_at as updated_at
from range(10) as numbers(number);
create table linear.listed as
select 'customers' as object_type, id from linear.customers
union all select 'customer_needs', id from linear.customer_needs
union all select 'issues', id from linear.issues
union all select 'projects', id from linear.projects
union all select 'issues', '';
create table linear.source_counts as
select 'issues' as table_name, 'all' as scope, 10 as source_count,
    timestamptz '2026-02-10 01:00:00+00' as counted_at;

create schema github;
create table github.releases as
select 'o/a' as repository, 'r' || number as id, timestamptz '2026-02-10 01:00:00+00' as listed_at
from range(5) as numbers(number);
create table github.pulls as
select 'o/a' as repository, 'p' || number as id, md5('p' || number) as merge_commit_sha,
    timestamptz '2026-02-01 00:00:00+00' as created_at, created_at + interval 2 day as merged_at,
    merged_at as closed_at, merged_at as updated_at, 'main' as base_ref,
    timestamptz '2026-02-10 01:00:00+00' as listed_at
from range(10) as numbers(number);
create table github.deployments as
select repository, 'd' || id as id, 'production' as environment, merge_commit_sha as sha, listed_at
from github.pulls;
create table github.issues as
select repository, 'i' || id as id, true as is_incident, 'Since ' || left(sha, 12) as body,
    listed_at
from github.deployments;
create table github.listed as
select 'o/a' as repository, object_type, timestamptz '2026-02-10 01:00:00+00' as listed_at
from (values ('releases'), ('deployments'), ('pulls'), ('issues')) as types(object_type);
create table github.source_counts as
select object_type as table_name, repository as scope,
    case when object_type = 'releases' then 5 else 10 end as source_count,
    listed_at as counted_at
from github.listed;

create schema research_files;
create table research_files.participants as
select 'panel_' || number as participant_id from range(10) as numbers(number);
create table research_files.consents as
select participant_id, 'research contact' as purpose from research_files.participants;
create table research_files.contacts as
select 'contact_' || participant_id as contact_id, participant_id
from research_files.participants;
create table research_files.studies as select 'study_1' as study_id;
create table research_files.sessions as select 's1' as session_id, 'find' as task;
create table research_files.notes as
select 'note_' || number as id from range(12) as numbers(number);
create table research_files.erased_counts (
    table_name varchar, scope varchar, part varchar, row_count bigint);
create table research_files.bad_rows (file varchar, line bigint, table_name varchar);
create table research_files.source_counts as
select table_name, table_name || '.csv' as scope, source_count,
    timestamptz '2026-02-10 01:00:00+00' as counted_at
from (values ('participants', 10), ('consents', 10), ('contacts', 10), ('studies', 1),
    ('sessions', 1)) as files(table_name, source_count);
"""

MARTS = """
create schema core;
create table core.people as
select distinct person_id, 'account_' || right(person_id, 1) as account_id,
    timestamp '2026-01-01' as first_seen_at, 'someone@company1.example' as email
from posthog.persons;
create table core.accounts as
select distinct account_id, 'Account' as account_name, 'company1.example' as domain,
    timestamp '2026-01-01' as first_seen_at, true as has_crm_company,
    case when account_id < 'account_4' then timestamp '2026-01-02' end as first_paid_at,
    case when account_id < 'account_3' then 550 else 0 end::decimal(18, 2) as mrr_usd,
    5 as paid_seat_count
from core.people;
create table core.quarantine as
select 'hubspot' as source, 'deals' as table_name, number::varchar as row_key,
    'amount' as column_name, 'not a number' as reason, 'value ignored' as consequence,
    1::bigint as occurrence_count
from range(3) as numbers(number);
create schema product;
create table product.daily_active_people as
select cast("timestamp" as date) as active_date, person_id, 'account_1' as account_id,
    count(distinct uuid) as event_count, event_count as use_count
from posthog.events where event <> '$pageview' group by all;
create table product.feature_adoption_weekly as
select date_trunc('week', active_date)::date as week_start, 'account_1' as account_id,
    'tasks' as feature_id, count(distinct person_id) as people_count,
    sum(event_count)::bigint as use_count, count(distinct person_id) as active_people_count,
    'tried' as stage
from product.daily_active_people group by all;
create table product.engagement_daily as
select active_date, breakdown, 'all' as segment, 'all' as plan, 'all' as channel,
    count(*) as dau, 50 as wau, 50 as mau, dau as product_dau, wau as product_wau,
    mau as product_mau, sum(event_count)::bigint as event_count
from product.daily_active_people, (values ('total'), ('plan')) as breakdowns(breakdown)
group by all;
create table product.lifecycle_weekly as
with weeks as (select distinct date_trunc('week', active_date)::date as week_start
    from product.daily_active_people)
select unit, week_start, status,
    case when status = 'new' and week_start = date '2025-12-29'
            or status = 'returning' and week_start > date '2025-12-29'
        then (select count(distinct person_id) from product.daily_active_people
            where use_count > 0) else 0 end as unit_count
from weeks, (values ('person'), ('account')) as units(unit),
    (values ('new'), ('returning'), ('resurrecting'), ('dormant')) as kinds(status);
create table product.feature_reach_weekly as
select week_start, 'tasks' as feature_id, 'smb' as segment, 1 as account_count,
    sum(unit_count) as active_account_count
from product.lifecycle_weekly where unit = 'account' and status <> 'dormant' group by week_start;
create table product.retention_cohorts as
select unit, date '2025-12-29' as cohort_week,
    (date_diff('day', date '2025-12-29', week_start) / 7)::bigint as cohort_offset,
    'all' as segment, unit_count as cohort_size, unit_count as retained, true as is_complete
from product.lifecycle_weekly
where status = case when week_start = date '2025-12-29' then 'new' else 'returning' end;
create table product.experiment_results as
select 'checklist' as experiment, 'done' as metric, variant, variant = 'control' as is_control,
    100 as assigned, 30 as converted, 5 as open_count, 0.3 as rate, 1.0 as srm_p,
    case when not is_control then 0.0 end as effect, 'no difference seen' as verdict
from (values ('control'), ('test')) as arms(variant);
create table product.funnels as
select 'onboarding' as funnel, date '2026-01-05' as entered_on, 'smb' as segment, step,
    10 - step as people_count from range(1, 4) as steps(step);
create table product.paths as
select 1 as position, 'signed_up' as source, 'task_completed' as target, 90 as path_count,
    1 as rank_in_position;
create schema sales;
create table sales.deals as
select id as deal_id, 'account_1' as account_id,
    json_extract_string(properties, '$.dealstage') as stage_id,
    json_extract_string(properties, '$.amount')::decimal(18, 2) as amount_usd,
    stage_id = 'closedwon' as is_won, stage_id = 'closedwon' as is_closed,
    timestamp '2026-01-01' as created_at,
    case when is_closed then timestamp '2026-01-20' end as closed_at
from hubspot.deals where not archived and id not in ('198', '199');
create table sales.pipeline_daily as
select date '2026-01-01' + day::int as snapshot_date, deal_id, amount_usd, stage_id
from sales.deals, range(41) as days(day) where not is_closed;
create table sales.mrr_movements as
select month_start, 'account_' || number as account_id,
    month_start = date '2026-01-01' as is_complete,
    case when is_complete then 0 else 550 end::decimal(18, 2) as opening_mrr_usd,
    (550 - opening_mrr_usd)::decimal(18, 2) as new_mrr_usd,
    0::decimal(18, 2) as reactivation_mrr_usd, 0::decimal(18, 2) as expansion_mrr_usd,
    0::decimal(18, 2) as contraction_mrr_usd, 0::decimal(18, 2) as churn_mrr_usd,
    550::decimal(18, 2) as closing_mrr_usd
from range(3) as numbers(number), (values (date '2026-01-01'), (date '2026-02-01'))
    as months(month_start);
create table sales.revenue_monthly as
select month_start, sum(closing_mrr_usd) as mrr_usd, is_complete
from sales.mrr_movements group by all;
create table sales.retained_mrr_monthly as
select (month_start + interval 1 year)::date as month_start, account_id, 'smb' as segment,
    closing_mrr_usd as year_ago_mrr_usd, 500::decimal(18, 2) as mrr_usd
from sales.mrr_movements;
create schema marketing;
create table marketing.signups as
select uuid as signup_id, person_id, 'account_1' as account_id, "timestamp" as signed_up_at,
    case when hash(uuid) % 3 = 0 then 'direct' else 'organic' end as channel
from posthog.events where event = 'signed_up' group by all;
create table marketing.sessions as
select uuid as session_id, person_id, 1 as event_count, 'organic' as channel
from posthog.events where event = '$pageview' group by all;
create table marketing.touchpoints as select session_id as touch_id, * from marketing.sessions;
create table marketing.attribution as
select min(deal_id) as conversion_id, model, channel, 0.5 as weight
from sales.deals, (values ('linear'), ('u_shaped')) as models(model),
    (values ('organic'), ('direct')) as channels(channel)
where is_won group by all;
create table marketing.channel_performance_monthly as
select date '2026-01-01' as month_start, channel, 25::decimal(18, 2) as spend_usd,
    true as is_spend_final, '(none)' as campaign, 2 as new_customer_count,
    2 as matured_customer_count, 1 as churned_6m_count
from (values ('paid_search'), ('webinar')) as channels(channel);
create table marketing.lead_funnel_weekly as
select date_trunc('week', signed_up_at)::date as week_start, channel,
    2 * count(*) as visitor_count, count(*) as signup_count, 2 as activated_count,
    2 as opportunity_count, 1 as won_count
from marketing.signups group by all;
create table core.dates as
select date '2025-12-01' + number::int as date_day from range(71) as numbers(number);
create table product.feature_retention as
select 'tasks' as feature_id, date '2025-12-29' as base_week,
    count(distinct person_id) - 1 as user_count, 1 as user_retained_count,
    1 as other_count, 0 as other_retained_count
from product.daily_active_people
where active_date >= date '2025-12-29' and active_date < date '2026-01-26';
create table sales.product_qualified_leads as
select distinct people.account_id, 1.0 as fit_score, 0.5 as usage_score, 0.5 as intent_score,
    false as is_qualified, null::timestamp as qualified_at
from marketing.signups as signups inner join core.people as people using (person_id);
create table sales.deal_stages as
select deal_id, account_id, stage_id, 3.0 as days_in_stage, true as is_current from sales.deals;
create table sales.stage_conversion_monthly as
select date '2026-01-01' as month_start, 'first' as stage_id, 10 as deal_count,
    8 as reached_count, 5 as went_on_count;
create table sales.pipeline_monthly as
select date '2026-01-01' as month_start, 'all' as segment,
    sum(amount_usd) filter (where is_won) as won_usd
from sales.deals;
create table sales.account_health_daily as
select account_id, date '2026-02-09' as score_date, mrr_usd, 'healthy' as health
from core.accounts where mrr_usd > 0;
create table sales.score_backtests as
select 'account_health' as score, 100 as scored_count, 10 as flagged_count,
    5 as happened_count, 2 as hit_count;
create table sales.account_360 as
select accounts.account_id, accounts.mrr_usd, coalesce(sum(deals.amount_usd), 0) as won_usd
from core.accounts as accounts
left join sales.deals as deals
    on deals.account_id = accounts.account_id and deals.is_won
group by all;
create table core.account_history as
select account_id, mrr_usd, paid_seat_count, true as is_current from core.accounts;
create schema delivery;
create table delivery.deployments as
select 'o/a' as repository, 'dp' || number as deployment_id,
    timestamp '2026-02-03 10:00:00' + to_days(cast(number as integer)) as deployed_at,
    1 as incident_count, true as is_failed
from range(10) as numbers(number);
create table delivery.changes as
select repository, deployment_id[2:] as change_id, deployed_at - interval 1 day as opened_at,
    deployed_at - interval 1 hour as merged_at, deployed_at, 'v1' as release_tag
from delivery.deployments;
create table delivery.release_quality as
select 'o/a' as repository, 'v1' as release_tag, 10 as change_count;
create table delivery.delivery_performance_weekly as
select cast(date_trunc('week', deployed_at) as date) as week_start, count(*) as deployment_count,
    count(*) as failed_deployment_count
from delivery.deployments group by all;
create schema research;
create table research.survey_responses as
select form_id || token as response_id, 'typeform' as source, form_id, token, person_id,
    'account_1' as account_id,
    submitted_at, 9 as score, case when form_id = 'npsFrm01' then 50 end as nps_points,
    '2026-Q1' as wave
from typeform.responses, (select min(person_id) as person_id from core.people);
alter table research.survey_responses add column is_counted boolean default true;
alter table research.survey_responses add column metric varchar;
update research.survey_responses
set metric = case when form_id = 'npsFrm01' then 'nps' else 'csat' end;
insert into research.survey_responses
select survey_id || id, 'surveymonkey', survey_id, id, person_id, 'account_1', created_at, 5, null,
    '2026-Q1', true, 'csat'
from surveymonkey.responses, (select min(person_id) as person_id from core.people)
where generation = 2;
create table research.nps as
select wave, breakdown, count(*) as answer_count
from research.survey_responses, (values ('total'), ('segment')) as breakdowns(breakdown)
where metric = 'nps' group by all;
create table research.csat as
select wave, breakdown, count(*) as answer_count
from research.survey_responses, (values ('total'), ('segment')) as breakdowns(breakdown)
where metric = 'csat' group by all;
create table research.studies as from research_files.studies;
create table research.recruiting_pool as
select study_id, participant_id as panellist_id, true as is_eligible,
    timestamp '2026-02-01' as last_contacted_at
from research_files.participants, research.studies;
create table research.feedback as
select source || ':' || id as item_id, source, 'account_1' as account_id,
    case when hash(id) % 2 = 0 then 'reporting' else 'dark_mode' end as theme,
    1.0::double as weight, false as is_solicited, 1 as severity_weight,
    timestamp '2026-01-10' as occurred_at
from (
    select 'zendesk' as source, id from zendesk.tickets
    union all select 'intercom', id from intercom.conversations
    union all select 'linear', id from linear.customer_needs
    union all select 'research_files', id from research_files.notes
) as items;
create table research.theme_quality as
select theme, 6 as gold_count, 6 as found_count, 0.85 as least_macro_f1,
    case when theme = 'all' then 0.9 end as macro_f1
from (values ('reporting'), ('dark_mode'), ('all')) as themes(theme);
create table research.unmet_needs_monthly as
select theme, date '2026-02-01' as month_start, segment,
    3000::decimal(18, 2) as allocated_arr_usd, 19800::decimal(18, 2) as touched_arr_usd,
    count(*) as mention_count, count(*) as month_mention_count
from research.feedback, (values ('all'), ('smb')) as segments(segment)
group by all;
create table product.roadmap_evidence as
select id as roadmap_item_id, date '2026-02-01' as month_start,
    3000::decimal(18, 2) as allocated_arr_usd, 10 as reach_people_count, 2.0::double as impact,
    0.5::double as confidence, 4.0::double as effort_person_months, 2.5::double as rice_score
from linear.projects;
alter table research.feedback add column roadmap_item_id varchar default 'p1';
create table delivery.shipped_items as
select id as roadmap_item_id, completed_at::timestamp as completed_at,
    completed_at::timestamp + interval 1 day as shipped_at, date '2026-01-21' as shipped_date
from linear.projects;
create table product.release_accounts as
select distinct roadmap_item_id, account_id, true as has_asked, true as is_told,
    timestamp '2026-01-22' as told_at
from research.feedback;
create table product.rollout_results as
select 10 as treated_count, 8 as treated_retained_count, 10 as control_count,
    5 as control_retained_count, 12 as user_count;
create table product.release_outcomes as
select 'requesters_told' as metric, count(*) as case_count from product.release_accounts;
"""


def change(path: Path, *statements: str) -> Path:
    """Run statements in a file and return its path."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for statement in statements:
            connection.execute(statement)
    return path


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once: a copy is far cheaper, and each test damages its own."""
    return change(tmp_path_factory.mktemp("sound") / "productops.duckdb", RAW, MARTS)


@pytest.fixture
def warehouse(sound: Path, tmp_path: Path) -> Path:
    return copied(sound, tmp_path / "build's")


@pytest.fixture
def published(sound: Path, tmp_path: Path) -> Path:
    return copied(sound, tmp_path / "served")


def copied(sound: Path, folder: Path) -> Path:
    folder.mkdir()
    return Path(shutil.copy(sound, folder))
