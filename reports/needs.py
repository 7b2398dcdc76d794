"""What customers ask for most: `productops needs`."""

from datetime import date

from reports.formats import Rows
from reports.published import UnknownNameError, reading, rows

EVERY_SEGMENT = "all"
_NEEDS = """
    select
        row_number() over (
            order by allocated_arr_usd desc, mention_count desc, theme
        ) as by_arr,
        rank() over (order by mention_count desc) as by_mentions,
        theme_name as need, allocated_arr_usd, touched_arr_usd, mention_count, blocking_count,
        account_count, mention_trend, nps_drag, roadmap_item
    from research.unmet_needs_monthly
    where month_start = $month and segment = $segment and theme <> 'unclassified'
    order by by_arr
    limit $n
"""
# What no theme could be given, and why, so that nobody takes the list for everything.
_REST = """
    select
        coalesce(sum(mention_count), 0) as mentions_without_a_theme,
        coalesce(sum(allocated_arr_usd), 0) as arr_without_a_theme_usd,
        (select bool_and(is_published) from research.theme_quality) as themes_are_published,
        (select max(macro_f1) from research.theme_quality) as macro_f1
    from research.unmet_needs_monthly
    where month_start = $month and segment = $segment and theme = 'unclassified'
"""


def needs(month: date | None = None, segment: str = EVERY_SEGMENT, n: int = 10) -> dict[str, Rows]:
    """Return a month's top needs by allocated ARR beside mentions, and what has no theme.

    Args:
        month: any day of it; the newest published if None.
        segment: as in the table; `all` is every segment together.
        n: how many needs.

    Raises:
        UnknownNameError: the month or the segment is not in the table; the message names those.
        NotPublishedError: nothing is published.
    """
    with reading() as connection:
        known = rows(
            connection,
            "select distinct month_start, segment from research.unmet_needs_monthly order by all",
        )
        months = sorted({row["month_start"] for row in known})
        segments = sorted({row["segment"] for row in known})
        if not months:
            raise UnknownNameError(
                "no feedback is published yet; load a support tool, Linear or a survey"
                " (PRODUCTOPS_SOURCES in .env)"
            )
        chosen = month.replace(day=1) if month else months[-1]
        if chosen not in months:
            raise UnknownNameError(
                f"no needs are known of {chosen:%Y-%m}; give a month from {months[0]:%Y-%m}"
                f" to {months[-1]:%Y-%m}"
            )
        if segment not in segments:
            raise UnknownNameError(
                f"no segment is called {segment!r}; known are {', '.join(segments)}"
            )
        asked = {"month": chosen, "segment": segment}
        return {
            f"needs of {chosen:%Y-%m}, segment {segment}": rows(
                connection, _NEEDS, {**asked, "n": n}
            ),
            "beside them": rows(connection, _REST, asked),
        }
