"""How software was delivered: each month's deploys and their pulls, each release's pulls."""

from collections import Counter, defaultdict
from statistics import median

from simulator.truth.records import DAY, Records, day_text

SECOND = 1_000_000


def count_delivery(records: Records, now: int) -> dict:
    """By month of deploys to production: how many, how many failed, and two medians in seconds.

    A pull's lead time runs from its opening to the first deploy at or after its merge, a failed
    deploy's outage to the end of the incident that names it. A release has the pulls that were
    deployed after the release before it and not after itself.
    """
    deploys = sorted(
        (deployed // SECOND, key)
        for key, deployed in records.rows("business/deploys", ("deploy_id", "deployed_at"))
        if deployed <= now
    )
    at = {key: deployed for deployed, key in deploys}
    leads: dict[str, list[int]] = defaultdict(list)
    carried: list[int] = []
    pulls = records.rows("business/pulls", ("created_at", "merged_at", "deploy_id"))
    for created, merged, key in pulls:
        if merged is None or merged > now or key not in at:
            continue
        leads[_month(at[key])].append(at[key] - created // SECOND)
        carried.append(at[key])
    failed, outages = _outages(records, at, now)
    counts = Counter(_month(deployed) for deployed, _ in deploys)
    return {
        "months": {
            month: {
                "deployment_count": count,
                "failed_count": failed[month],
                "pull_count": len(leads[month]),
                "median_lead_seconds": _median(leads[month]),
                "median_restore_seconds": _median(outages[month]),
            }
            for month, count in sorted(counts.items())
        },
        "pulls_per_release": _per_release(records, carried, now),
    }


def _outages(
    records: Records, at: dict[str, int], now: int
) -> tuple[Counter[str], dict[str, list[int]]]:
    failed: dict[str, str] = {}
    outages: dict[str, list[int]] = defaultdict(list)
    rows = records.rows("business/code_issues", ("deploy_id", "created_at", "closed_at"))
    for key, opened, closed in rows:
        if key not in at or opened > now:
            continue
        failed[key] = _month(at[key])
        if closed is not None and closed <= now:
            outages[failed[key]].append(closed // SECOND - at[key])
    return Counter(failed.values()), outages


def _per_release(records: Records, carried: list[int], now: int) -> dict[str, int]:
    shipped = sorted(
        (released // SECOND, name)
        for name, released in records.rows("business/releases", ("release", "released_at"))
        if released <= now
    )
    found = {}
    before = 0
    for released, name in shipped:
        found[name] = sum(before < deployed <= released for deployed in carried)
        before = released
    return found


def _month(second: int) -> str:
    return day_text(second * SECOND // DAY)[:7]


def _median(values: list[int]) -> float | None:
    return float(median(values)) if values else None
