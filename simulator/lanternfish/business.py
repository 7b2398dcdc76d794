"""The business tables: what no vendor serves, and what the planted truths were drawn from."""

from decimal import Decimal
from pathlib import Path

import numpy as np

from simulator.lanternfish import (
    billing,
    code,
    delivery,
    feedback,
    releases,
    research,
    support,
    tables,
    tooling,
)
from simulator.lanternfish.accounts import (
    CHANNELS,
    INTERNAL,
    PLANS,
    SEGMENTS,
)
from simulator.lanternfish.features import FEATURE_EVENTS
from simulator.lanternfish.feedback import Feedback
from simulator.lanternfish.journeys import World
from simulator.lanternfish.randomness import stream
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import (
    DAY,
    HOUR,
    NEVER,
    START_US,
    at_day,
    day_of,
    month_starts,
)

# Two years' spend by channel, in dollars.
SPEND = {
    "organic": 240_000,
    "paid_search": 448_000,
    "paid_social": 520_000,
    "webinar": 190_000,
    "outbound": 330_000,
    "partner": 66_000,
}
ACCOUNTS = tables.schema(
    account_id="text",
    name="text",
    domain="text",
    segment="text",
    plan="text",
    seats="int",
    signed_up_at="moment",
    is_internal="flag",
)
PLANTED_ACCOUNTS = tables.schema(
    account_id="text",
    kind="text",
    channel="text",
    quality="float",
    qualified="flag",
    exposed_to_bad_release="flag",
    sends_groups="flag",
    paid_at="moment",
    churned_at="moment",
)
PEOPLE = tables.schema(
    user_id="text", account_id="text", email="text", full_name="text", is_creator="flag"
)
FEEDBACK = tables.schema(
    feedback_id="text",
    account_id="text",
    user_id="text",
    channel="text",
    created_at="moment",
    text="text",
    priority="text",
    tags="text",
    replied_at="moment",
    solved_at="moment",
    rating="int",
    rating_comment="text",
    rated_at="moment",
    told_at="moment",
    deleted_at="moment",
)
LABELS = tables.schema(feedback_id="text", theme="text", severity="text", severity_weight="int")
RELEASES = tables.schema(release="text", kind="text", released_at="moment")
EXPOSURES = tables.schema(release="text", account_id="text", exposed="flag")
DEPLOYS = tables.schema(
    deploy_id="text",
    committed_at="moment",
    deployed_at="moment",
    failed="flag",
    restored_at="moment",
    changes="int",
)
SPENDING = tables.schema(
    month="day", channel="text", campaign="text", amount_usd="money", recorded_at="moment"
)
FEATURES = tables.schema(
    feature_id="text", event="text", name="text", released_at="moment", stage="text"
)
EXPERIMENTS = tables.schema(
    flag="text",
    name="text",
    goal_event="text",
    intended_test_share="float",
    starts_at="moment",
    ends_at="moment",
)
_KINDS = ("installed", "trial", "campaign", "internal")


def write_company(folder: Path, seed: int) -> None:
    """Tables there is one of, however large the company."""
    shipped: list[Row] = [
        {"release": each.name, "kind": each.kind, "released_at": at_day(each.day) + 10 * HOUR}
        for each in releases.releases()
    ]
    for name, schema, rows in (
        ("releases", RELEASES, shipped),
        ("deploys", DEPLOYS, list(releases.deploys(seed))),
        ("marketing_spend", SPENDING, spend_rows(seed)),
        ("features", FEATURES, _feature_rows()),
        ("experiments", EXPERIMENTS, _experiment_rows()),
        ("projects", delivery.PROJECTS, delivery.project_rows()),
        ("issues", delivery.ISSUES, delivery.issue_rows(seed)),
        ("pulls", code.PULLS, code.pull_rows(seed)),
        ("code_issues", code.CODE_ISSUES, code.code_issue_rows(seed)),
        ("studies", research.STUDIES, research.study_rows()),
        ("usability_results", research.USABILITY, research.usability_rows(seed)),
        ("tools", tooling.TOOLS, tooling.tool_rows()),
        ("tool_seats", tooling.SEATS, tooling.seat_rows()),
        ("mart_reads", tooling.MART_READS, tooling.mart_read_rows()),
    ):
        tables.write(folder, f"business/{name}", schema, rows, None)


def write_replica(folder: Path, world: World, said: Feedback, part: int | None) -> None:
    """Tables that grow with the accounts."""
    terms = billing.terms(world)
    items, labels = _feedback_rows(world, said)
    links = delivery.link_rows(world, items, labels)
    panel, contacts = research.panel_rows(world)
    for name, schema, rows in (
        ("accounts", ACCOUNTS, _account_rows(world)),
        ("planted_accounts", PLANTED_ACCOUNTS, _planted_rows(world)),
        ("people", PEOPLE, _people_rows(world)),
        ("subscriptions", billing.SUBSCRIPTIONS, billing.subscription_rows(world, terms)),
        ("invoices", billing.INVOICES, billing.invoice_rows(world, terms)),
        ("feedback", FEEDBACK, items),
        ("feedback_labels", LABELS, labels),
        ("feedback_links", delivery.LINKS, links),
        ("release_exposures", EXPOSURES, _exposure_rows(world)),
        ("research_panel", research.PANEL, panel),
        ("research_contacts", research.CONTACTS, contacts),
        ("research_notes", research.NOTES, research.note_rows(world, contacts)),
    ):
        tables.write(folder, f"business/{name}", schema, rows, part)


def _account_rows(world: World) -> list[Row]:
    accounts = world.accounts
    return [
        {
            "account_id": accounts.account_id[n],
            "name": accounts.name[n],
            "domain": accounts.domain[n],
            "segment": SEGMENTS[accounts.segment[n]],
            "plan": PLANS[accounts.plan[n]],
            "seats": int(accounts.seats[n]),
            "signed_up_at": at_day(float(accounts.start[n])) + 12 * HOUR,
            "is_internal": bool(accounts.kind[n] == INTERNAL),
        }
        for n in range(len(accounts))
    ]


def _planted_rows(world: World) -> list[Row]:
    accounts = world.accounts
    return [
        {
            "account_id": accounts.account_id[n],
            "kind": _KINDS[accounts.kind[n]],
            "channel": CHANNELS[accounts.channel[n]],
            "quality": float(accounts.quality[n]),
            "qualified": bool(accounts.qualified[n]),
            "exposed_to_bad_release": bool(accounts.exposed[n]),
            "sends_groups": bool(accounts.sends_groups[n]),
            "paid_at": _noon(int(accounts.paid[n])),
            "churned_at": _noon(int(accounts.churned[n])),
        }
        for n in np.flatnonzero(accounts.kind != INTERNAL).tolist()
    ]


def _noon(day: int) -> int | None:
    return None if day == NEVER else START_US + day * DAY + 12 * HOUR


def _people_rows(world: World) -> list[Row]:
    people, accounts = world.people, world.accounts
    return [
        {
            "user_id": people.user_id[n],
            "account_id": accounts.account_id[people.account[n]],
            "email": people.email[n],
            "full_name": f"{people.first_name[n]} {people.last_name[n]}",
            "is_creator": bool(people.creator[n]),
        }
        for n in np.flatnonzero(world.activity.seen()).tolist()
    ]


def _feedback_rows(world: World, said: Feedback) -> tuple[list[Row], list[Row]]:
    """The items, and apart from them the theme and severity meant."""
    items: list[Row] = []
    labels: list[Row] = []
    courses = list(support.courses(world, said))
    for n in np.argsort(said.at, kind="stable").tolist():
        key = f"fb_{world.replica}_{len(items) + 1:05d}"
        severity = feedback.severity_name(int(said.severity[n]))
        items.append(
            {
                "feedback_id": key,
                "account_id": world.accounts.account_id[said.account[n]],
                "user_id": world.people.user_id[said.user[n]],
                "channel": feedback.CHANNELS[said.channel[n]],
                "created_at": int(said.at[n]),
                "text": said.text[n],
                **courses[n],
            }
        )
        labels.append(
            {
                "feedback_id": key,
                "theme": feedback.NAMES[said.theme[n]],
                "severity": severity,
                "severity_weight": feedback.SEVERITY_WEIGHT[severity],
            }
        )
    return items, labels


def _exposure_rows(world: World) -> list[Row]:
    accounts = world.accounts
    there = (accounts.start < releases.HOTFIX_DAY) & (accounts.left > releases.BAD_DAY)
    return [
        {
            "release": releases.BAD_RELEASE,
            "account_id": accounts.account_id[n],
            "exposed": bool(accounts.exposed[n]),
        }
        for n in np.flatnonzero(there & (accounts.kind != INTERNAL)).tolist()
    ]


def spend_rows(seed: int) -> list[Row]:
    """Monthly spend, booked when the month is over and restated ten days later.

    The last month's first booking happens to be right, so that the totals hold at the end.
    """
    rng = stream(seed, 0, "spend")
    rows: list[Row] = []
    months = month_starts()
    for channel, total in SPEND.items():
        weight = 1.02 ** np.arange(24) * rng.uniform(0.9, 1.1, 24)
        cents = np.floor(total * 100 * weight / weight.sum()).astype(int)
        cents[-1] += total * 100 - cents.sum()
        for number, final in enumerate(cents.tolist()):
            right = number == len(cents) - 1
            booked = final if right else round(final * rng.uniform(0.97, 1.03))
            following = at_day((months[number + 1] - months[0]).days)
            row = {"month": months[number].date(), "channel": channel, "campaign": None}
            for amount, at in ((booked, following), (final, following + 10 * DAY)):
                rows.append({**row, "amount_usd": Decimal(amount) / 100, "recorded_at": at + HOUR})
    return rows


def _feature_rows() -> list[Row]:
    released = {
        "automation_run": "2026-04-07",
        "client_portal_opened": "2026-01-20",
        "sso_login": "2026-02-17",
        "ai_summary_generated": "2025-04-08",
    }
    names = {
        "project_created": ("projects", "Projects"),
        "task_completed": ("tasks", "Tasks"),
        "comment_added": ("comments", "Comments"),
        "dashboard_viewed": ("dashboards", "Dashboards"),
        "integration_connected": ("integrations", "Integrations"),
        "export_run": ("export", "Export"),
        "automation_run": ("automations", "Automations"),
        "client_portal_opened": ("client_portal", "Client portal"),
        "sso_login": ("sso_scim", "Single sign-on and SCIM"),
        "ai_summary_generated": ("ai_summaries", "AI summaries"),
        "mobile_opened": ("mobile", "Mobile"),
        "gantt_viewed": ("gantt", "Gantt"),
    }
    assert set(names) | {"app_opened"} == set(FEATURE_EVENTS)
    return [
        {
            "feature_id": key,
            "event": event,
            "name": name,
            "released_at": at_day(day_of(released.get(event, "2023-01-09"))) + 10 * HOUR,
            "stage": "ga",
        }
        for event, (key, name) in names.items()
    ]


def _experiment_rows() -> list[Row]:
    return [
        {
            "flag": flag,
            "name": name,
            "goal_event": goal,
            "intended_test_share": 0.5,
            "starts_at": at_day(day_of(begins)),
            "ends_at": at_day(day_of(ends)),
        }
        for flag, name, goal, begins, ends in (
            (
                "automations-rollout",
                "Automations rollout",
                "automation_run",
                "2026-01-13",
                "2026-04-07",
            ),
            (
                "onboarding-checklist",
                "Onboarding checklist",
                "onboarding_completed",
                "2025-04-01",
                "2025-10-01",
            ),
            ("search-ranking", "Search ranking", "search_used", "2026-01-19", "2026-05-11"),
        )
    ]
