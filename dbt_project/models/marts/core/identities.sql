with
    identities as (select * from {{ ref("int_identities") }}),

    pseudonyms as (
        {% for source in ["posthog", "hubspot", "typeform", "surveymonkey"] %}
            select '{{ source }}' as source, raw_id, pseudonym
            from {{ ref("stg_" ~ source ~ "__pseudonyms") }}
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )

select
    identities.source,
    identities.identity_type,
    -- A company is nobody's person, so its id is shown as it is; so is who is billed.
    case
        when identities.identity_type in ('company', 'customer')
        then identities.identity_id
        else pseudonyms.pseudonym
    end as identity_id,
    identities.is_anonymous,
    identities.person_id,
    identities.account_id,
    identities.person_rule,
    identities.account_rule,
    case
        when identities.winner_id is null
        then identities.evidence
        when identities.identity_type = 'company'
        then 'into ' || identities.winner_id
        else 'into ' || winners.pseudonym
    end as evidence
from identities
left join
    pseudonyms
    on identities.source = pseudonyms.source
    and identities.identity_id = pseudonyms.raw_id
left join
    pseudonyms as winners
    on identities.source = winners.source
    and identities.winner_id = winners.raw_id
-- Our own staff use the product too, and are in no number.
where not coalesce(identities.is_internal, false)
