"""The tools Lanternfish pays for: what they cost, who sits in them, whose output anyone reads."""

from decimal import Decimal

from simulator.lanternfish import tables
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import DAY, END_US, at_day, day_of, moment

# Name, category, owner, yearly cost, seats, renewal, the mart its data feeds.
_TOOLS = (
    ("PostHog", "product analytics", "product", 18_000, 24, "2027-01-15", "product"),
    ("HubSpot", "crm", "sales", 31_200, 10, "2026-11-01", "sales"),
    ("Stripe", "billing", "finance", 9_600, 4, "2026-12-31", "sales"),
    ("Typeform", "survey", "research", 4_800, 5, "2026-08-14", "research"),
    ("PostHog Surveys", "survey", "product", 3_600, 24, "2027-01-15", "research"),
    ("Zendesk", "support", "support", 16_800, 9, "2026-10-01", "research"),
    ("Linear", "issue tracking", "engineering", 7_200, 24, "2027-03-01", "delivery"),
    ("GitHub", "source control", "engineering", 9_000, 18, "2027-02-10", "delivery"),
    ("Buildkite", "continuous integration", "engineering", 10_800, 18, "2026-09-30", "delivery"),
    ("Dovetail", "research repository", "research", 6_000, 6, "2026-07-31", "research"),
    ("Figma", "design", "design", 8_100, 9, "2027-04-01", None),
    ("Webflow", "website", "marketing", 3_900, 3, "2026-12-01", None),
    ("Hotjar", "session replay", "marketing", 5_400, 4, "2027-05-20", "replays"),
    ("Notion", "documents", "general", 13_600, 40, "2027-01-31", None),
)
_IDLE_SEATS = {("HubSpot", 9), ("Dovetail", 5), ("Hotjar", 3)}
_READ_MARTS = {"product": 412, "sales": 288, "research": 164, "delivery": 97, "replays": 0}
TOOLS = tables.schema(
    tool="text",
    category="text",
    owner="text",
    annual_cost_usd="money",
    seats="int",
    renews_on="day",
    feeds_mart="text",
)
SEATS = tables.schema(tool="text", seat_id="text", assigned_at="moment", last_active_at="moment")
MART_READS = tables.schema(mart="text", reads_90d="int", counted_at="moment")


def tool_rows() -> list[Row]:
    return [
        {
            "tool": name,
            "category": category,
            "owner": owner,
            "annual_cost_usd": Decimal(cost),
            "seats": seats,
            "renews_on": moment(at_day(day_of(renews))).date(),
            "feeds_mart": mart,
        }
        for name, category, owner, cost, seats, renews, mart in _TOOLS
    ]


def seat_rows() -> list[Row]:
    """One row a seat; an idle seat has not been used for more than 90 days."""
    rows: list[Row] = []
    for name, _, _, _, seats, _, _ in _TOOLS:
        for seat in range(seats):
            idle = 140 if (name, seat) in _IDLE_SEATS else 1 + (seat * 7) % 25
            rows.append(
                {
                    "tool": name,
                    "seat_id": f"{name.lower().replace(' ', '-')}-{seat + 1:02d}",
                    "assigned_at": END_US - 400 * DAY,
                    "last_active_at": END_US - idle * DAY,
                }
            )
    return rows


def mart_read_rows() -> list[Row]:
    return [
        {"mart": mart, "reads_90d": reads, "counted_at": END_US}
        for mart, reads in _READ_MARTS.items()
    ]
