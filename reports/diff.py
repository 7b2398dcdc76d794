"""Why a number is not what it was: the causes between two publications, which add up."""

from dataclasses import dataclass, field
from decimal import Decimal

from reports.published import UnknownNameError, named, reading, rows


@dataclass(frozen=True)
class Difference:
    """A metric in two publications, and what each cause added between them."""

    metric: str
    before: Decimal
    after: Decimal
    causes: dict[str, Decimal] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        return self.before + sum(self.causes.values()) == self.after


def differences(one: str, other: str, metric: str | None = None) -> list[Difference]:
    """Return how a metric moved from one publication to another, or every metric that moved.

    Raises:
        UnknownNameError: a publication or the metric is not in the record.
    """
    first, last = named(one), named(other)
    earlier, later = sorted([first, last])
    sign = 1 if first <= last else -1
    with reading() as connection:
        totals = rows(
            connection,
            "select metric, max(total) filter (publication_id = $first) as before,"
            " max(total) filter (publication_id = $last) as after"
            " from ops.publication_metrics where publication_id in ($first, $last)"
            " group by metric order by metric",
            {"first": first, "last": last},
        )
        changes = rows(
            connection,
            "select metric, cause, sum(amount) as amount from ops.publication_changes"
            " where publication_id > $earlier and publication_id <= $later"
            " group by metric, cause having sum(amount) <> 0 order by metric, cause",
            {"earlier": earlier, "later": later},
        )
    known = [each["metric"] for each in totals]
    if metric is not None and metric not in known:
        raise UnknownNameError(f"{metric!r} is no metric of these; known: {', '.join(known)}")
    found = [
        Difference(
            each["metric"],
            # A metric that was not defined yet counted nothing.
            each["before"] or Decimal(0),
            each["after"] or Decimal(0),
            {
                change["cause"]: sign * change["amount"]
                for change in changes
                if change["metric"] == each["metric"]
            },
        )
        for each in totals
        if metric in (None, each["metric"])
    ]
    return [each for each in found if metric or each.causes]
