"""Whom a study may ask, and why the others not: `productops recruit --study S-07 --n 20`."""

import re

from reports.formats import Rows
from reports.published import UnknownNameError, reading, rows

MANY = 10


def recruit(study: str, count: int) -> dict[str, Rows]:
    """Return the people to ask first and how many may not be asked, by reason.

    Args:
        study: its id, however its number is written (`S-07` is `study_07`), or a part of its name.
        count: how many people at most.

    Raises:
        UnknownNameError: no study fits, or several do; the message names them.
        NotPublishedError: nothing is published.
    """
    with reading() as connection:
        studies = rows(connection, "from research.studies order by study_id")
        chosen = {"study": _chosen(study, studies), "count": count}
        return {
            "study": [each for each in studies if each["study_id"] == chosen["study"]],
            "ask": rows(
                connection,
                """
                select
                    pool.place,
                    pool.panellist_id,
                    pool.account_id,
                    accounts.account_name,
                    pool.segment,
                    pool.contact_count,
                    cast(pool.last_contacted_at as date) as last_contacted_on
                from research.recruiting_pool as pool
                left join core.accounts as accounts using (account_id)
                where pool.study_id = $study and pool.place <= $count
                order by pool.place
                """,
                chosen,
            ),
            "may not be asked": rows(
                connection,
                """
                select exclusion_reason as reason, count(*) as people
                from research.recruiting_pool
                where study_id = $study and not is_eligible
                group by exclusion_reason
                order by people desc, reason
                """,
                {"study": chosen["study"]},
            ),
        }


def _chosen(study: str, studies: Rows) -> str:
    wanted = study.strip().lower()
    for fits in (
        lambda row: row["study_id"].lower() == wanted,
        lambda row: _plain(row["study_id"]) == _plain(wanted),
        lambda row: wanted in (row["study_name"] or "").lower(),
    ):
        found = [str(row["study_id"]) for row in studies if fits(row)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownNameError(f"several studies fit {study!r}: {', '.join(found[:MANY])}")
    known = ", ".join(f"{row['study_id']} ({row['study_name']})" for row in studies[:MANY])
    raise UnknownNameError(f"no study is known by {study!r}; known: {known or 'none'}")


def _plain(name: str) -> tuple[str, str]:
    """The first letter and the number of an id: `S-07` and `study_7` are the same."""
    number = re.search(r"0*(\d+)$", name)
    return name[:1], number.group(1) if number else name
