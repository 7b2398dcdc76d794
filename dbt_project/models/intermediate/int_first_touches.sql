-- Where each signed-up person first came from: their first page view up to the sign-up, before or
-- after the anonymous id was merged into theirs; else what PostHog kept as the initial values.
with
    ids as (
        select *
        from {{ ref("int_identified_ids") }}
        where person_id is not null and not is_internal
    ),

    signups as (
        select
            ids.person_id,
            events.event_id,
            events.occurred_at,
            events.arrived_at,
            row_number() over (
                partition by ids.person_id order by events.occurred_at, events.event_id
            ) as attempt
        from {{ ref("int_events") }} as events
        inner join ids on events.distinct_id = ids.distinct_id
        where events.event_name = 'signed_up'
    ),

    views as (
        select
            signups.person_id,
            events.utm_source,
            events.utm_medium,
            events.referring_domain,
            events.occurred_at,
            row_number() over (
                partition by signups.person_id order by events.occurred_at, events.event_id
            ) as position
        from signups
        inner join ids on signups.person_id = ids.person_id
        inner join {{ ref("int_events") }} as events on ids.distinct_id = events.distinct_id
        where
            signups.attempt = 1
            and events.event_name = '$pageview'
            and events.occurred_at <= signups.occurred_at
    )

select
    signups.event_id as signup_id,
    signups.person_id,
    signups.occurred_at as signed_up_at,
    signups.arrived_at,
    views.occurred_at as first_touch_at,
    case
        when views.person_id is null then people.initial_utm_source else views.utm_source
    end as utm_source,
    case
        when views.person_id is null then people.initial_utm_medium else views.utm_medium
    end as utm_medium,
    case
        when views.person_id is null
        then people.initial_referring_domain
        else views.referring_domain
    end as referring_domain
from signups
left join views on signups.person_id = views.person_id and views.position = 1
left join {{ ref("int_people") }} as people on signups.person_id = people.person_id
where signups.attempt = 1
