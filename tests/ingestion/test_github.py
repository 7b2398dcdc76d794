"""GitHub: what changed each night, everything once a week, and no more questions than that."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from ingestion.errors import SettingError, VendorError
from ingestion.pipeline import LoadReport, data_dir
from ingestion.privacy import forget_at_the_door
from simulator.__main__ import environment
from simulator.github import GitHub
from simulator.server import create_app, running
from tests.ingestion.company import (
    DAY,
    HOUR,
    NOW,
    Company,
    Vendors,
    code_issue,
    contents,
    load_now,
    pull,
    query,
)
from tests.ingestion.conftest import Serve

MINUTE = timedelta(minutes=1)
ALL = {"releases": 4, "deployments": 80, "pulls": 40, "issues": 5}
REPOSITORIES = "SOURCES__GITHUB__REPOSITORIES"


def load_it() -> LoadReport:
    return load_now("github")["github"]


def there(table: str, columns: str) -> list[tuple]:
    """What is there as far as the last list of everything says."""
    return query(
        f"select {columns} from github.{table} as held join github.listed using (repository)"
        f" where object_type = '{table}' and held.listed_at >= listed.listed_at order by all"
    )


def counted() -> dict[str, int]:
    return dict(query("select table_name, source_count from github.source_counts"))


def test_the_first_night_reads_all_there_is(vendors: Vendors) -> None:
    report = load_it()
    assert counted() == ALL
    assert {name: report.rows[name] for name in ALL} == ALL
    # Each deployment to production is of the pull that was merged before it.
    joined = query(
        "select count(*) from github.deployments join github.pulls on sha = merge_commit_sha"
        " where environment = 'production' and merged_at = deployments.created_at - interval 1 hour"
    )
    assert joined == [(40,)]
    assert query("select distinct repository, head_ref from github.pulls where number = 1") == [
        ("lanternfish/app", "ada/change-0")
    ]


def test_issues_are_not_pulls_and_incidents_say_so(company: Company, serve: Serve) -> None:
    issues = company.tables["business/code_issues"]
    issues.append(code_issue(99, NOW - DAY, labels="bug; not-an-incident", deploy_id=None))
    serve(company)
    load_it()
    assert query("select title, labels, is_incident from github.issues order by number desc")[
        :2
    ] == [
        ("Broken 99", "bug; not-an-incident", False),
        ("Broken 4", "Incident; ops", True),
    ]
    caused = NOW - 40 * DAY - HOUR
    [body] = query(
        "select body like '%' || left(sha, 12) || '%' from github.issues, github.deployments"
        f" where title = 'Broken 0' and deployments.created_at = timestamptz '{caused}'"
    )
    assert body == (True,)


def test_another_label_for_incidents_is_looked_for_everywhere(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_it()
    monkeypatch.setenv("SOURCES__GITHUB__INCIDENT_LABEL", "outage")
    load_it()
    assert query("select distinct is_incident from github.issues") == [(False,)]


def test_nobody_who_wrote_or_merged_is_loaded(vendors: Vendors) -> None:
    load_it()
    held = "".join(row for rows in contents("github").values() for row in rows)
    # The author is a part of the branch, and of nothing else.
    assert held.count("'ada") == held.count("'ada/") == 40


def test_a_quiet_night_asks_once_a_list_and_changes_nothing(vendors: Vendors) -> None:
    load_it()
    before = contents("github")
    vendors.at(NOW + 20 * HOUR)
    vendors.forget_requests()
    report = load_it()
    assert contents("github") == before
    assert set(report.rows) == {"source_counts"}
    assert vendors.request_count() == 4


def test_loading_again_at_once_reads_nothing_twice(company: Company, serve: Serve) -> None:
    company.tables["business/pulls"].append(pull(900, NOW - 10 * MINUTE))
    serve(company)
    load_it()
    before = contents("github")
    assert set(load_it().rows) == {"source_counts"}
    assert contents("github") == before


def test_later_nights_bring_what_changed(company: Company, serve: Serve) -> None:
    tables = company.tables
    tables["business/pulls"] += [
        pull(900, NOW + HOUR, created_at=NOW - 30 * DAY),
        pull(901, NOW, merged_at=None, closed_at=NOW + HOUR, created_at=NOW - 29 * DAY),
    ]
    tables["business/deploys"].append({"deploy_id": "deploy_900", "deployed_at": NOW + 2 * HOUR})
    tables["business/code_issues"] += [
        code_issue(900, NOW - 20 * DAY, closed_at=NOW + HOUR),
        code_issue(901, NOW + HOUR),
    ]
    vendors = serve(company)
    load_it()
    waiting = (
        "select state, merged_at from github.pulls where title in ('Change 900', 'Change 901')"
    )
    assert query(waiting) == [("open", None)] * 2
    vendors.at(NOW + DAY)
    vendors.forget_requests()
    rows = load_it().rows
    assert {name: rows[name] for name in ("deployments", "pulls", "issues")} == {
        "deployments": 2,
        "pulls": 2,
        "issues": 2,
    }
    assert "releases" not in rows
    assert sorted(query(waiting), key=str) == [("closed", None), ("closed", NOW + HOUR)]
    assert query("select closed_at from github.issues where title = 'Broken 900'") == [
        (NOW + HOUR,)
    ]
    assert vendors.request_count() == 4


def many(company: Company, count: int) -> None:
    at = NOW - 50 * DAY
    company.tables["business/pulls"] = [pull(n, at + n * HOUR) for n in range(count)]
    company.tables["business/deploys"] = [
        {"deploy_id": f"deploy_{n:02d}", "deployed_at": at + (n + 1) * HOUR} for n in range(count)
    ]


def test_lists_are_read_to_their_end(company: Company, serve: Serve) -> None:
    many(company, 230)
    vendors = serve(company)
    vendors.break_with(vendor="github", kind="duplicate", times=-1)
    load_it()
    assert counted() == ALL | {"deployments": 460, "pulls": 230}
    assert query("select count(*), count(distinct number) from github.pulls") == [(230, 230)]


def test_more_news_than_a_page_are_read_and_no_more(company: Company, serve: Serve) -> None:
    many(company, 230)
    pulls = company.tables["business/pulls"]
    pulls += [pull(1000 + n, NOW + HOUR + n * MINUTE) for n in range(130)]
    vendors = serve(company)
    load_it()
    vendors.at(NOW + DAY)
    vendors.forget_requests()
    assert load_it().rows["pulls"] == 130
    # Issues are pulls too: two pages of each, one of the others.
    assert vendors.request_count() == 6


@pytest.mark.parametrize("night", [1, 8])
def test_a_deleted_release_is_gone_the_night_after(
    company: Company, serve: Serve, night: int
) -> None:
    company.tables["business/releases"][1]["deleted_at"] = NOW + HOUR
    vendors = serve(company)
    load_it()
    vendors.at(NOW + night * DAY)
    load_it()
    assert there("releases", "tag_name") == [("R-0",), ("R-2",), ("R-3",)]
    assert counted()["releases"] == 3
    assert len(query("select * from github.releases")) == 4


def test_a_transferred_issue_and_a_deleted_deployment_are_missed_within_a_week(
    company: Company, serve: Serve
) -> None:
    company.tables["business/code_issues"][1]["deleted_at"] = NOW + HOUR
    company.tables["business/deploys"][2]["deleted_at"] = NOW + HOUR
    vendors = serve(company)
    load_it()
    vendors.at(NOW + 6 * DAY)
    load_it()
    assert (len(there("issues", "id")), len(there("deployments", "id"))) == (5, 80)
    vendors.at(NOW + 8 * DAY)
    load_it()
    assert (len(there("issues", "id")), len(there("deployments", "id"))) == (4, 78)
    assert counted() == ALL | {"issues": 4, "deployments": 78}


def test_what_appears_late_is_still_found(company: Company, serve: Serve) -> None:
    company.tables["business/pulls"].append(pull(900, NOW + DAY))
    vendors = serve(company)
    load_it()
    vendors.at(NOW + DAY + 30 * MINUTE)
    vendors.break_with(vendor="github", kind="late", times=-1)
    load_it()
    assert query("select * from github.pulls where merged_at >= current_date") == []
    vendors.mend()
    vendors.at(NOW + DAY + HOUR)
    load_it()
    assert query("select state from github.pulls where title = 'Change 900'") == [("closed",)]


def test_nights_one_by_one_end_as_one_load(company: Company, serve: Serve) -> None:
    tables = company.tables
    tables["business/pulls"] += [
        pull(900 + n, NOW + n * 10 * HOUR, created_at=NOW - DAY) for n in range(40)
    ]
    tables["business/code_issues"][0]["deleted_at"] = NOW + 3 * DAY
    tables["business/releases"].append({"release": "R-9", "released_at": NOW + 2 * DAY})
    vendors = serve(company)
    for night in (0, 0.5, 1.5, 2.2, 3.1, 9, 17):
        vendors.at(NOW + night * DAY)
        load_it()
    columns = "held.* exclude (listed_at, _dlt_load_id)"
    step_by_step = {table: there(table, columns) for table in ALL}
    for name in ("dlt", "warehouse"):
        shutil.rmtree(data_dir() / name)
    load_it()
    assert {table: there(table, columns) for table in ALL} == step_by_step
    assert (len(step_by_step["issues"]), len(step_by_step["pulls"])) == (4, 80)


def test_an_address_of_somebody_erased_does_not_come_back(company: Company, serve: Serve) -> None:
    told = "Ask Ann.Lee@word1.example or bo@word2.example."
    company.tables["business/pulls"].append(pull(900, NOW - DAY, title=told))
    company.tables["business/code_issues"].append(code_issue(900, NOW - DAY, body=told))
    serve(company)
    forget_at_the_door(github={"ann.lee@word1.example"})
    load_it()
    [title] = query("select title from github.pulls where title like 'Ask%'")
    [body] = query("select body from github.issues where body like 'Ask%'")
    assert title == ("Ask (erased) or bo@word2.example.",)
    assert body[0].startswith(title[0])


def test_a_repository_that_is_not_there_is_named(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REPOSITORIES, "lanternfish/app, lanternfish/moved")
    with pytest.raises(VendorError) as caught:
        load_it()
    assert str(caught.value) == (
        "github: repository 'lanternfish/moved' is not there under this name, or the token in"
        f" SOURCES__GITHUB__ACCESS_TOKEN may not see it; check {REPOSITORIES}"
    )


@pytest.mark.parametrize("text", ["app", "https://github.com/lanternfish/app", " , "])
def test_what_is_no_repository_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REPOSITORIES, text)
    with pytest.raises(SettingError, match=f"{REPOSITORIES} is .* write OWNER/NAME"):
        load_it()


def test_a_page_on_another_host_is_not_asked_for(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is for one host."""
    links = '<https://elsewhere.example/repos?page=2>; rel="next"'
    monkeypatch.setattr(GitHub, "headers", lambda self, path: {"Link": links})
    with pytest.raises(VendorError, match=r"next page of .*/releases is at elsewhere.example"):
        load_it()
    assert vendors.request_count() == 1


@contextmanager
def limited(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[GitHub, list[float]]]:
    """GitHub with limits, a short minute of sleep, and what was slept through."""
    app = create_app(company.write(), now=NOW, rate_limits=True)
    slept: list[float] = []
    assert isinstance(app, Starlette)
    vendor = app.state.world.vendor("/repos/")

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds > 30:
            for limit in vendor.limits:
                limit.seen.clear()

    with running(app) as url:
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(time, "sleep", sleep)
        yield vendor, slept


def long(slept: list[float]) -> list[float]:
    return [seconds for seconds in slept if seconds > 30]


def test_an_hour_that_is_spent_is_waited_for(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited(company, monkeypatch) as (vendor, slept):
        vendor.limits[0].count = 3
        load_it()
    assert counted() == ALL
    assert len(long(slept)) == 1
    assert 3500 < long(slept)[0] <= 3600


def test_an_hour_that_others_spent_is_waited_for(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited(company, monkeypatch) as (vendor, slept):
        vendor.limits[0].count = 5
        for _ in range(5):
            vendor.limits[0].take()
        load_it()
    assert counted() == ALL
    assert 3500 < long(slept)[0] <= 3600


def test_asking_too_fast_is_followed_by_the_pause_that_github_names(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited(company, monkeypatch) as (vendor, slept):
        vendor.limits[1].count = 2
        load_it()
    assert counted() == ALL
    assert all(50 < seconds <= 60 for seconds in long(slept))
    assert long(slept)


def test_a_refusal_without_a_time_is_followed_by_a_minute(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited(company, monkeypatch) as (vendor, slept):
        vendor.limits[1].count, vendor.limits[1].says_when = 2, False
        load_it()
    assert long(slept)
    assert set(long(slept)) == {60}


def test_a_missing_permission_is_not_waited_for(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: GitHub, request: object) -> None:
        raise self.refusal(403, "Resource not accessible by personal access token")

    monkeypatch.setattr(GitHub, "authorise", refused)
    vendors.forget_requests()
    with pytest.raises(VendorError, match=r"lacks a scope: it needs read-only access to Contents"):
        load_it()
    assert vendors.request_count() == 1
