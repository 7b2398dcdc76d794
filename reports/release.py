"""Whether a release mattered, to whom, and who was told: `productops release R-2026.2.2`."""

from reports.formats import Rows
from reports.published import UnknownNameError, only, reading, rows

_LATEST = """
    with brought as (
        select
            repository, release_tag, string_agg(roadmap_item, ', ' order by roadmap_item) as items
        from delivery.shipped_items
        group by all
    )
    select
        quality.repository, quality.release_tag, cast(quality.published_at as date) as published_on,
        quality.change_count, quality.failed_deployment_count, quality.exposed_account_count,
        quality.nps_delta, quality.nps_verdict, brought.items as roadmap_items
    from delivery.release_quality as quality
    left join brought using (repository, release_tag)
    order by quality.published_at desc, quality.release_tag
    limit $n
"""
# Releases with the items that they completed, and items that came without one.
_KNOWN = """
    with things as (
        select
            quality.repository, quality.release_tag, items.roadmap_item_id, items.roadmap_item,
            items.feature_id, quality.published_at as shipped_at
        from delivery.release_quality as quality
        left join delivery.shipped_items as items using (repository, release_tag)
        union all
        select null, null, roadmap_item_id, roadmap_item, feature_id, shipped_at
        from delivery.shipped_items
        where release_tag is null
    )
    select
        things.repository, things.release_tag,
        case when release_tag is null then roadmap_item_id end as roadmap_item_id,
        coalesce(any_value(repository || ' ' || release_tag), any_value(roadmap_item)) as called
    from things
    left join core.features as features using (feature_id)
    where {condition}
    group by all
    order by max(shipped_at) desc, called
"""
# What is shown, each with the release as $repository and $tag, or the item without one as $item.
_SECTIONS = {
    "release": """
        from delivery.release_quality
        where repository = $repository and release_tag = $tag and $item is null
    """,
    "what came of it": """
        select
            roadmap_item, metric, value, case_count, other_value, other_count, effect,
            effect_margin_95, verdict, method
        from product.release_outcomes
        where (repository = $repository and release_tag = $tag) or roadmap_item_id = $item
        order by roadmap_item, metric
    """,
    "to whom it mattered": """
        select
            items.roadmap_item, accounts.segment,
            count(*) filter (where has_asked) as asked,
            count(*) filter (where has_asked and is_told) as told,
            count(*) filter (where has_asked and is_using) as asked_and_using,
            count(*) filter (where not has_asked and is_using) as others_using,
            sum(accounts.arr_usd) filter (where has_asked) as arr_of_who_asked_usd
        from product.release_accounts as accounts
        inner join delivery.shipped_items as items using (roadmap_item_id)
        where
            (items.repository = $repository and items.release_tag = $tag)
            or items.roadmap_item_id = $item
        group by all
        order by items.roadmap_item, accounts.segment
    """,
    "asked and not told": """
        select
            items.roadmap_item, accounts.account_id, known.account_name, accounts.arr_usd,
            accounts.mention_count, cast(accounts.first_asked_at as date) as first_asked_on,
            accounts.thread_count > 0 as can_be_answered, accounts.is_using
        from product.release_accounts as accounts
        inner join delivery.shipped_items as items using (roadmap_item_id)
        left join core.accounts as known on accounts.account_id = known.account_id
        where
            ((items.repository = $repository and items.release_tag = $tag)
            or items.roadmap_item_id = $item)
            and accounts.has_asked and not coalesce(accounts.is_told, false)
        order by accounts.arr_usd desc, accounts.account_id
        limit $n
    """,
}


def latest(n: int) -> dict[str, Rows]:
    """Return the newest releases, each with the roadmap items that it completed.

    Raises:
        NotPublishedError: nothing is published.
    """
    with reading() as connection:
        return {"releases": rows(connection, _LATEST, {"n": n})}


def release(what: str, n: int) -> dict[str, Rows]:
    """Return what a release was, what came of it, to whom it mattered, and who is to be told.

    Args:
        what: its tag, with its repository before it if several have it, a roadmap item or feature
            that it brought, or a part of these; the first that fits decides.
        n: how many accounts to list that asked and were not told.

    Raises:
        UnknownNameError: no release fits.
        AmbiguousNameError: several do; the message names them.
        NotPublishedError: nothing is published.
    """
    with reading() as connection:
        for condition in (
            "lower(release_tag) = lower($what)",
            "lower(repository || ' ' || release_tag) = lower($what)",
            "lower(roadmap_item) = lower($what)",
            "lower(feature_name) = lower($what)",
            "contains(lower(concat_ws(' ', release_tag, roadmap_item, feature_name)),"
            " lower($what))",
        ):
            found = rows(connection, _KNOWN.format(condition=condition), {"what": what.strip()})
            if one := only(found, what, "releases", "called"):
                chosen = {
                    "repository": one["repository"],
                    "tag": one["release_tag"],
                    "item": one["roadmap_item_id"],
                    "n": n,
                }
                return {
                    name: rows(connection, sql, {k: v for k, v in chosen.items() if f"${k}" in sql})
                    for name, sql in _SECTIONS.items()
                }
    raise UnknownNameError(
        f"no release is known by {what!r}; give a tag as in delivery.release_quality, or a roadmap"
        " item that was completed as in delivery.shipped_items"
    )
