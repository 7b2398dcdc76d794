"""The generated company: its format, its traps, and the stories planted in it."""

import hashlib
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq
import pytest

from simulator.lanternfish import generate

DEFAULT_SEED = 20260630
DAY = 86_400_000_000
NIGHTS = [date(2026, 6, day) for day in (28, 29, 30)]


class Companies(dict[int, Path]):
    """Companies by seed, each generated when first asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, seed: int) -> Path:
        self[seed] = self.folder / str(seed)
        generate(self[seed], "demo-lite", seed)
        return self[seed]


@pytest.fixture(scope="session")
def companies(tmp_path_factory: pytest.TempPathFactory) -> Companies:
    return Companies(tmp_path_factory.mktemp("lanternfish"))


@pytest.fixture(scope="session")
def lite(companies: Companies) -> Path:
    return companies[DEFAULT_SEED]


def truth_of(folder: Path) -> dict:
    return dict(json.loads((folder / "truth.json").read_text(encoding="utf-8")))


def rows(folder: Path, name: str, *columns: str) -> list[dict]:
    path = folder / f"{name}.parquet"
    return list(pq.read_table(path, columns=list(columns) or None).to_pylist())


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one", "tiny", 1)
    generate(tmp_path / "two", "tiny", 1)
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")


@pytest.mark.slow
def test_the_same_seed_writes_the_same_large_company(lite: Path, tmp_path: Path) -> None:
    generate(tmp_path, "demo-lite", DEFAULT_SEED)
    assert fingerprint(tmp_path) == fingerprint(lite)


@pytest.mark.parametrize(
    ("size", "scale", "told"),
    [("huge", 1, "size 'huge'"), ("demo", 0, "scale 0"), ("tiny", 2, "size 'tiny'")],
)
def test_what_cannot_be_generated_is_refused(
    tmp_path: Path, size: str, scale: int, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        generate(tmp_path, size, 1, scale)


def test_tiny_stays_small_and_has_every_table(tmp_path: Path) -> None:
    generate(tmp_path, "tiny", DEFAULT_SEED)
    counts = {
        str(path.relative_to(tmp_path)): pq.ParquetFile(path).metadata.num_rows
        for path in tmp_path.rglob("*.parquet")
    }
    assert 150 <= sum(counts.values()) <= 250
    assert min(counts.values()) > 0
    folders = {name.split("/")[0] for name in counts}
    assert folders == {"posthog", "hubspot", "typeform", "surveymonkey", "business"}


def test_events_are_written_in_order_of_arrival_in_small_groups(lite: Path) -> None:
    last = 0
    for path in sorted((lite / "posthog" / "events").iterdir()):
        file = pq.ParquetFile(path)
        assert all(
            file.metadata.row_group(n).num_rows <= 100_000
            for n in range(file.metadata.num_row_groups)
        )
        position = file.schema_arrow.names.index("inserted_at")
        assert file.metadata.row_group(0).column(position).statistics.has_min_max
        arrived = file.read(["inserted_at"]).column(0).cast("int64").to_pylist()
        assert arrived == sorted(arrived)
        assert arrived[0] >= last
        last = arrived[-1]


def event_times(folder: Path) -> list[tuple[str, int, int]]:
    """Uuid, time and arrival of every event in order of arrival, in microseconds."""
    table = pq.read_table(
        folder / "posthog" / "events", columns=["uuid", "timestamp", "inserted_at"]
    )
    columns = [table.column(0), *(table.column(n).cast("int64") for n in (1, 2))]
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def day_number(on: date) -> int:
    return (on - date(1970, 1, 1)).days


def test_only_the_double_day_is_delivered_twice_and_the_missing_day_late(lite: Path) -> None:
    told = event_times(lite)
    seen = Counter(uuid for uuid, _, _ in told)
    days = {uuid: at // DAY for uuid, at, _ in told}
    twice = {uuid for uuid, count in seen.items() if count > 1}
    assert twice == {uuid for uuid, day in days.items() if day == day_number(date(2026, 1, 20))}
    assert max(seen.values()) == 2
    missing = {into // DAY for _, at, into in told if at // DAY == day_number(date(2025, 9, 14))}
    assert missing == {day_number(date(2025, 9, 17))}


def test_every_event_s_properties_are_json(lite: Path) -> None:
    path = sorted((lite / "posthog" / "events").iterdir())[10]
    for text in pq.read_table(path, columns=["properties"]).column(0).to_pylist()[:20_000]:
        properties = json.loads(text)
        assert properties["$session_id"]
        groups = properties.get("$groups")
        assert groups is None or groups["account"] == properties["$group_0"]


def test_each_of_the_last_nights_brings_news_of_every_kind(lite: Path) -> None:
    news: dict[date, set[str]] = defaultdict(set)
    for kind in ("contacts", "companies", "deals"):
        columns = ("id", "created_at", "updated_at", "archived_at", "merged_at")
        for row in rows(lite, f"hubspot/{kind}", *columns):
            changed = "created" if row["updated_at"] == row["created_at"] else "changed"
            news[row["updated_at"].date()].add(f"{kind} {changed}")
            for what in ("archived", "merged"):
                if row[f"{what}_at"]:
                    news[row[f"{what}_at"].date()].add(what)
    for row in rows(lite, "typeform/responses", "arrived_at"):
        news[row["arrived_at"].date()].add("answered")
    for row in rows(lite, "posthog/persons", "inserted_at", "person_distinct_id_version"):
        if row["person_distinct_id_version"] == 1:
            news[row["inserted_at"].date()].add("person merged")
    for _, at, inserted in event_times(lite):
        if inserted - at > DAY // 24:
            news[date.fromordinal(inserted // DAY + date(1970, 1, 1).toordinal())].add("late event")
    expected = {
        f"{kind} {what}"
        for kind in ("contacts", "companies", "deals")
        for what in ("created", "changed")
    }
    expected |= {"archived", "merged", "answered", "person merged", "late event"}
    assert {night: expected - news[night] for night in NIGHTS} == {n: set() for n in NIGHTS}


def test_search_must_page_beyond_its_ten_thousand_results(lite: Path) -> None:
    live = {
        row["id"]
        for row in rows(lite, "hubspot/contacts", "id", "archived_at", "merged_at")
        if not row["archived_at"] and not row["merged_at"]
    }
    assert len(live) > 10_000


def test_merges_lead_to_a_record_that_is_still_there(lite: Path) -> None:
    for kind in ("contacts", "companies", "deals"):
        found = rows(lite, f"hubspot/{kind}", "id", "merged_into", "merged_at", "archived_at")
        gone = {row["id"] for row in found if row["merged_at"] or row["archived_at"]}
        merged = [row for row in found if row["merged_into"]]
        assert merged
        assert all(row["merged_into"] not in gone for row in merged)
        assert {row["merged_into"] for row in merged} <= {row["id"] for row in found}


def test_versions_are_whole_rows_in_milliseconds(lite: Path) -> None:
    for row in rows(lite, "hubspot/deals"):
        assert row["updated_at"].microsecond % 1_000 == 0
        modified = datetime.fromisoformat(row["hs_lastmodifieddate"])
        assert modified == row["updated_at"]
        assert row["dealstage"]
        assert row["updated_at"] >= row["created_at"]


def test_the_competitor_is_known_only_since_the_property_exists(lite: Path) -> None:
    [added] = [
        row["created_at"]
        for row in rows(lite, "hubspot/properties", "name", "created_at")
        if row["name"] == "competitor"
    ]
    assert added.date() == date(2026, 4, 2)
    named = [
        row["updated_at"]
        for row in rows(lite, "hubspot/deals", "updated_at", "competitor")
        if row["competitor"]
    ]
    assert len(named) > 20
    assert min(named) > added


def test_the_product_address_of_an_aliased_contact_stands_among_the_others(lite: Path) -> None:
    product = {row["email"] for row in rows(lite, "business/people", "email")}
    aliased = [
        row
        for row in rows(lite, "hubspot/contacts", "email", "hs_additional_emails", "merged_into")
        if row["hs_additional_emails"] and row["email"] not in product
    ]
    assert len(aliased) > 200
    assert all(set(row["hs_additional_emails"].split(";")) & product for row in aliased)


def test_response_ids_say_nothing_without_their_form(lite: Path) -> None:
    ids: dict[str, set[str]] = defaultdict(set)
    tokens: Counter[tuple[str, str]] = Counter()
    for row in rows(lite, "typeform/responses", "form_id", "token", "response_id"):
        ids[row["form_id"]].add(row["response_id"])
        tokens[row["form_id"], row["token"]] += 1
    assert len(ids["npsFrm01"] & ids["csatFm01"]) > 1_000
    assert max(tokens.values()) == 1


def test_a_page_of_the_february_wave_arrived_two_days_late(lite: Path) -> None:
    late = [
        row["submitted_at"]
        for row in rows(lite, "typeform/responses", "submitted_at", "arrived_at")
        if row["arrived_at"] - row["submitted_at"] > timedelta(days=1)
    ]
    assert len(late) == 25
    assert {(moment.year, moment.month) for moment in late} == {(2026, 2)}


def test_exact_truths_equal_what_was_planted(lite: Path) -> None:
    truth = truth_of(lite)
    planted = rows(lite, "business/planted_accounts")
    bought = [row for row in planted if row["kind"] != "installed" and row["paid_at"]]
    assert truth["T4"]["first_touch"] == Counter(row["channel"] for row in bought)
    assert sum(truth["T4"]["last_touch"].values()) == len(bought)
    decided = datetime(2026, 7, 1, tzinfo=UTC)
    churned = [row["churned_at"] is not None for row in planted if row["paid_at"]]
    assert truth["T7"]["paying_customers"] == churned.count(False)
    campaign = [
        row["churned_at"] is not None and row["churned_at"] - row["paid_at"] <= timedelta(days=182)
        for row in bought
        if row["kind"] == "campaign" and row["paid_at"] + timedelta(days=182) <= decided
    ]
    assert truth["T5"]["campaign_customers"] == len(campaign)
    assert truth["T5"]["campaign_churned_6m"] == sum(campaign)
    assert truth["T10"]["negative_invoices"] == 14
    assert truth["T10"]["emails_in_feedback"] == 23
    assert truth["T10"]["survey_answers_late"] == 25
    assert truth["T16"]["duplicate_companies"] == 41
    assert truth["T16"]["merged_companies"] == 19
    assert truth["T16"]["deleted_persons"] == 12


def test_truths_that_hold_by_construction(lite: Path) -> None:
    truth = truth_of(lite)
    tools = truth["T12"]
    assert (tools["tools"], tools["annual_cost_usd"]) == (14, "148000.00")
    assert len(tools["unread_tools"]) == len(tools["overlaps"]) == 1
    assert (tools["idle_seats"], len(tools["renewals_60d"])) == (3, 2)
    export = truth["T13"]["tasks"]["export"]
    assert (export["round_1"]["participants"], export["round_1"]["succeeded"]) == (25, 13)
    assert (export["round_2"]["participants"], export["round_2"]["succeeded"]) == (22, 19)
    assert truth["T14"]["change_failure_rate"]["2025-11"] == 0.24
    assert truth["T4"]["spend"]["partner"] == "66000.00"


def test_each_deploy_carries_the_pulls_of_the_issues_it_shipped(lite: Path) -> None:
    def rows(name: str) -> list[dict]:
        return list(pq.read_table(lite / "business" / f"{name}.parquet").to_pylist())

    deploys = {row["deploy_id"]: row for row in rows("deploys")}
    pulls = [row for row in rows("pulls") if row["merged_at"]]
    issues = {row["issue_id"]: row for row in rows("issues")}
    counts = Counter(row["deploy_id"] for row in pulls)
    assert counts == {key: row["changes"] for key, row in deploys.items()}
    in_order = sorted(row["deployed_at"].replace(microsecond=0) for row in deploys.values())
    for pull in pulls:
        deploy = deploys[pull["deploy_id"]]
        deployed = deploy["deployed_at"].replace(microsecond=0)
        assert pull["created_at"] == deploy["committed_at"].replace(microsecond=0)
        assert next(at for at in in_order if at >= pull["merged_at"]) == deployed
        assert deployed - pull["merged_at"] < timedelta(hours=1)
        assert issues[pull["issue_id"]]["completed_at"] == deployed
    incidents = {row["deploy_id"]: row for row in rows("code_issues") if row["deploy_id"]}
    assert set(incidents) == {key for key, row in deploys.items() if row["failed"]}
    for key, incident in incidents.items():
        waited = incident["created_at"] - deploys[key]["deployed_at"]
        assert timedelta(seconds=59) < waited < timedelta(minutes=5)
        assert incident["closed_at"] == deploys[key]["restored_at"].replace(microsecond=0)


def test_the_truth_of_deliveries_adds_up(lite: Path) -> None:
    truth = truth_of(lite)
    months = truth["delivery"]["months"].values()
    deploys = pq.read_table(lite / "business" / "deploys.parquet").to_pylist()
    assert sum(month["deployment_count"] for month in months) == len(deploys)
    assert sum(month["failed_count"] for month in months) == sum(row["failed"] for row in deploys)
    assert sum(month["pull_count"] for month in months) == sum(row["changes"] for row in deploys)
    bad = truth["delivery"]["months"]["2025-11"]
    assert (bad["failed_count"], bad["deployment_count"]) == (6, 25)
    late = ("2025-10", "2025-11", "2025-12")
    leads = {
        month: said["median_lead_seconds"] for month, said in truth["delivery"]["months"].items()
    }
    usual = median(lead for month, lead in leads.items() if month not in late)
    # Seven days against three, by the month; a month has 25 to 50 deploys.
    assert all(leads[month] > 1.5 * usual for month in late)


def test_revenue_moves_add_up_every_month(lite: Path) -> None:
    months = truth_of(lite)["T7"]["months"]
    assert len(months) == 24
    before = None
    for month in months.values():
        amounts = {name: round(100 * float(text)) for name, text in month.items()}
        start, end = amounts.pop("start"), amounts.pop("end")
        assert start + sum(amounts.values()) == end
        assert before in (None, start)
        before = end


SEEDS = [
    DEFAULT_SEED,
    pytest.param(1, marks=pytest.mark.slow),
    pytest.param(2, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_planted_stories_hold(companies: Companies, seed: int) -> None:
    truth = truth_of(companies[seed])
    rollout = truth["T1"]
    assert rollout["itt"]["ci_low"] > 0
    assert rollout["naive"]["effect"] > rollout["per_adopter"] > rollout["itt"]["effect"]
    decoy = truth["T1b"]
    assert decoy["naive"]["ci_low"] > 0
    assert abs(decoy["matched"]) < decoy["naive"]["effect"] / 2
    quality = truth["T2"]
    assert quality["gap"] <= -20
    assert quality["wave"]["nps"] < min(quality["before"]["nps"], quality["after"]["nps"]) - 5
    assert truth["T3"]["top_by_arr"] == "sso_scim"
    assert truth["T3"]["top_by_mentions"] == "dark_mode"
    loop = truth["T3b"]
    assert loop["mentions_90d_after"] < loop["mentions_90d_before"] / 2
    assert loop["requester_adoption"] > 3 * loop["other_adoption"]
    assert 0.5 < loop["told"] < 1
    assert truth["T4"]["cheapest"] == {"first_touch": "partner", "last_touch": "organic"}
    assert truth["T5"]["campaign_rate"] > 3 * truth["T5"]["other_rate"]
    assert truth["T6"]["qualified_rate"] > 2.5 * truth["T6"]["others_rate"]
    assert truth["T8"]["lift"] > 2
    assert 0.65 < truth["T9"]["august_to_july"] < 0.95
    assert 0.1 < truth["T9"]["weekend_to_workday"] < 0.25
    assert 0.10 < truth["T11"]["share"] < 0.22
    checklist, search = truth["T15"]["onboarding-checklist"], truth["T15"]["search-ranking"]
    assert (round(checklist["control_rate"], 2), round(checklist["test_rate"], 2)) == (0.31, 0.37)
    assert checklist["p_value"] < 0.05 < checklist["srm_p"]
    assert search["srm_p"] < 1e-6
    assert truth["T16"]["people"] > 8_000


@pytest.mark.slow
def test_repeated_accounts_share_nothing(tmp_path: Path) -> None:
    generate(tmp_path, "demo-lite", DEFAULT_SEED, scale=2)
    assert not (tmp_path / "truth.json").exists()
    for name, key in (
        ("business/accounts", "domain"),
        ("business/people", "email"),
        ("hubspot/companies", "id"),
        ("hubspot/deals", "id"),
        ("hubspot/contacts", "id"),
        ("posthog/persons", "distinct_id"),
        ("posthog/persons", "person_id"),
    ):
        one, two = (
            set(pq.read_table(path, columns=[key]).column(0).to_pylist())
            for path in sorted((tmp_path / name).iterdir())
        )
        assert not one & two
        assert abs(len(one) - len(two)) < len(one) / 4
