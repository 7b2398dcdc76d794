"""The oracle, held against answers counted by hand on the tiny company."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator.lanternfish import generate
from simulator.truth import count_truth


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    generate(folder, "tiny", 20260630)
    return folder


@pytest.fixture(scope="module")
def truth(tiny: Path) -> dict:
    return dict(json.loads((tiny / "truth.json").read_text(encoding="utf-8")))


def test_a_second_delivery_and_an_event_under_way_count_once_and_not_yet(truth: dict) -> None:
    # 43 events happened; one is delivered twice and one arrives after the clock's start. Of
    # the people Eva is deleted and Mona is one of us: Anna, Ben, Cleo, Dan and a visitor stay.
    assert truth["events"] == {"delivered": 43, "distinct": 42, "distinct_people": 5}


def test_active_people_of_each_day(truth: dict) -> None:
    assert truth["daily_active_people"] == {
        "2026-06-01": 1,
        "2026-06-02": 1,
        "2026-06-03": 5,
        # On the 4th only Eva and Mona did anything; on the 16th Dan only dismissed a survey.
        "2026-06-08": 1,
        "2026-06-09": 1,
        "2026-06-15": 2,
        "2026-06-16": 1,
        "2026-06-17": 3,
        "2026-06-28": 1,
        "2026-06-29": 1,
        "2026-06-30": 2,
    }


def test_adoption_places_people_without_a_group_key_by_their_domain(truth: dict) -> None:
    adoption = truth["feature_adoption_weekly"]
    assert adoption["tasks"] == {
        # Ben's duplicate counts once; Eva and Mona do not count.
        "2026-06-01": {"accounts": 1, "people": 2, "uses": 2},
        "2026-06-08": {"accounts": 1, "people": 1, "uses": 1},
        # Sunday 23:59:59.999 belongs to the week that ends, midnight to the next.
        "2026-06-22": {"accounts": 1, "people": 1, "uses": 1},
        "2026-06-29": {"accounts": 2, "people": 3, "uses": 3},
    }
    assert adoption["comments"] == {"2026-06-01": {"accounts": 1, "people": 1, "uses": 1}}
    assert adoption["client_portal"] == {"2026-06-15": {"accounts": 1, "people": 1, "uses": 1}}


def test_deals_leave_out_the_archived_and_the_merged(truth: dict) -> None:
    assert truth["deals"] == {
        "count": 4,
        "open": 2,
        "won": 1,
        "lost": 1,
        "won_amount": "1200.50",
        "lost_amount": "300.00",
        "open_amount": "650.00",
        "archived": 1,
        "merged": 1,
    }


def test_the_pipeline_is_told_with_the_amounts_of_its_day(truth: dict) -> None:
    told = truth["pipeline_daily"]
    assert (min(told), max(told), len(told)) == ("2026-06-04", "2026-06-30", 27)
    assert {day: told[f"2026-06-{day}"] for day in ("04", "09", "10", "15", "19", "20", "30")} == {
        "04": {"deals": 1, "amount": "1000.00"},
        "09": {"deals": 2, "amount": "1300.00"},
        "10": {"deals": 3, "amount": "2000.50"},
        "15": {"deals": 2, "amount": "1700.50"},
        "19": {"deals": 2, "amount": "1700.50"},
        "20": {"deals": 1, "amount": "500.00"},
        "30": {"deals": 2, "amount": "650.00"},
    }


def test_sign_ups_by_the_channel_of_the_first_visit(truth: dict) -> None:
    # Anna's first visit, on her laptop before she logged in, came from an advertisement.
    assert truth["signups"] == {
        "total": 2,
        "by_channel": {"direct": 1, "paid_search": 1},
        "by_month": {"2026-06": 2},
    }


def test_nps_takes_the_last_valid_answer_of_each_respondent(truth: dict) -> None:
    assert truth["nps"] == {
        "2026-Q1": {
            "responses": 1,
            "promoters": 1,
            "passives": 0,
            "detractors": 0,
            "nps": 100.0,
        },
        "2026-Q2": {
            "responses": 5,
            "promoters": 1,
            "passives": 2,
            "detractors": 2,
            "nps": -20.0,
        },
    }


def test_the_product_survey_counts_what_was_finished_once_a_respondent(truth: dict) -> None:
    # In June Anna's second answer (4), Cleo's (5) and a stranger's (3) count: Mona is one of us,
    # Ben did not finish, one came after the quota, one should not have been asked.
    assert truth["product_surveys"] == {
        "Product survey 2025 H2": {
            "answers": {"completed": 1},
            "counted": 1,
            "satisfied": 1,
            "csat": 1.0,
        },
        "Product survey 2026 H1": {
            "answers": {"completed": 4, "disqualified": 1, "overquota": 1, "partial": 1},
            "counted": 3,
            "satisfied": 2,
            "csat": 0.666667,
        },
    }


def test_identity(truth: dict) -> None:
    assert truth["identity"] == {
        "accounts": 2,
        "people": 4,
        "anonymous_ids": 2,
        "people_with_two_anonymous_ids": 1,
        "duplicate_companies": 2,
        "merged_companies": 1,
        "aliased_emails": 2,
        "deleted_persons": 1,
        "internal_people": 1,
    }


def test_planted_truths_that_fit_on_a_page(truth: dict) -> None:
    june = truth["T7"]["months"]["2026-06"]
    assert june == {
        "start": "0.00",
        "new": "174.00",
        "reactivation": "0.00",
        "expansion": "0.00",
        "contraction": "0.00",
        "churn": "0.00",
        "end": "174.00",
    }
    # ARR of 2,088 shared six to one between a blocker, named twice, and a wish.
    assert truth["T3"]["allocated_arr"] == {
        "sso_scim": "1789.71",
        "dark_mode": "298.29",
        "notifications": "0.00",
    }
    assert truth["T4"]["first_touch"] == {"paid_search": 1}
    assert truth["T4"]["last_touch"] == {"direct": 1}
    assert truth["T4"]["spend"] == {"paid_search": "1000.00"}
    assert truth["T10"]["late_up_to_72h"] == 1
    assert truth["T10"]["late_3_to_7_days"] == 1
    assert truth["T10"]["negative_invoices"] == 1
    assert truth["T10"]["emails_in_feedback"] == 1
    assert truth["T11"]["tired_panelists"] == ["pan_1"]
    assert truth["T13"]["tasks"]["export"]["round_1"]["rate"] == 0.5
    assert truth["T14"]["median_lead_days"] == {"2026-Q2": 3.0}


def test_deliveries(truth: dict) -> None:
    # Three pulls each: 48, 48 and 24 hours to the first deploy, 48, 24 and 12 to the second, which
    # was broken for an hour and a half.
    assert truth["delivery"] == {
        "months": {
            "2026-06": {
                "deployment_count": 2,
                "failed_count": 1,
                "pull_count": 6,
                "median_lead_seconds": 36 * 3600.0,
                "median_restore_seconds": 5400.0,
            }
        },
        "pulls_per_release": {"R-2026.6.1": 3, "R-2026.6.1-hotfix.1": 3},
    }


def test_deliveries_of_an_earlier_clock(tiny: Path) -> None:
    # The second deploy was noticed to be broken after three minutes, and is not mended yet.
    truth = count_truth(tiny, datetime(2026, 6, 14, 10, tzinfo=UTC))["delivery"]
    assert truth["months"]["2026-06"]["failed_count"] == 1
    assert truth["months"]["2026-06"]["median_restore_seconds"] is None
    assert truth["pulls_per_release"] == {"R-2026.6.1": 3}


def test_the_world_of_an_earlier_clock(tiny: Path) -> None:
    truth = count_truth(tiny, datetime(2026, 6, 12, tzinfo=UTC))
    # Events 1 to 25 and the repeat have arrived, and the export of the 8th, on the 10th; Ben's
    # of the 9th has not. Eva is still a person.
    assert truth["events"] == {"delivered": 27, "distinct": 26, "distinct_people": 6}
    assert truth["daily_active_people"]["2026-06-04"] == 1
    assert "2026-06-09" not in truth["daily_active_people"]
    # Neither merged nor archived nor closed yet.
    assert truth["deals"]["count"] == 4
    assert truth["deals"]["open_amount"] == "2999.50"
    assert truth["deals"]["archived"] == truth["deals"]["merged"] == 0
    # Anna's first answer of the wave stands; the answer she took back is still there.
    assert truth["nps"]["2026-Q2"]["promoters"] == 2
    assert truth["nps"]["2026-Q2"]["detractors"] == 2
    assert truth["identity"]["merged_companies"] == 0


def test_the_pipeline_of_a_later_clock_knows_what_arrived_since(tiny: Path) -> None:
    truth = count_truth(tiny, datetime(2026, 7, 3, tzinfo=UTC))
    assert truth["events"] == {"delivered": 44, "distinct": 43, "distinct_people": 5}
    assert truth["nps"]["2026-Q2"]["responses"] == 6


def test_tables_of_text_give_the_same_truth(tiny: Path, tmp_path: Path, truth: dict) -> None:
    for path in tiny.rglob("*.parquet"):
        target = tmp_path / path.relative_to(tiny).with_suffix(".csv")
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = pq.read_table(path).to_pylist()
        with target.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(
                {
                    name: value.isoformat() if isinstance(value, datetime) else value
                    for name, value in row.items()
                }
                for row in rows
            )
    (tmp_path / "company.json").write_bytes((tiny / "company.json").read_bytes())
    assert json.loads(json.dumps(count_truth(tmp_path))) == truth


def test_a_stranger_s_folder_needs_only_what_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "posthog"
    folder.mkdir()
    (folder / "events.csv").write_text(
        "distinct_id,event,timestamp\n"
        "a,task_completed,2026-01-01T10:00:00\n"
        "a,task_completed,2026-01-01T10:00:00Z\n"
        "b,$identify,2026-01-02T10:00:00+01:00\n",
        encoding="utf-8",
    )
    truth = count_truth(tmp_path)
    assert truth["as_of"] == "2026-01-02T10:00:00+00:00"
    assert truth["events"] == {"delivered": 3, "distinct": 3, "distinct_people": 2}
    assert truth["daily_active_people"] == {"2026-01-01": 1}
    assert truth["deals"]["count"] == 0
    assert "T4" not in truth
