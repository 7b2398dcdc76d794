"""GitHub as the simulator serves it: four lists, pages in Link headers, and two limits."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from starlette.applications import Starlette

from simulator.server import running
from tests.simulator.conftest import MakeApp
from tests.simulator.small_company import GITHUB, NOW

HERE = "/repos/lanternfish/app"
CHANGED = "state=all&sort=updated&direction=desc"


def get(url: str, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{url}{HERE}{path}", headers={**GITHUB, **headers}, timeout=5)


def listed(url: str, path: str) -> Any:
    answer = get(url, path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def everything(url: str, path: str) -> Iterator[dict]:
    """All objects of a list by the link to the next page, which alone says that there is one."""
    address: str | None = f"{url}{HERE}{path}"
    while address:
        answer = requests.get(address, headers=GITHUB, timeout=5)
        yield from answer.json()
        address = answer.links.get("next", {}).get("url")


def move_clock(url: str, now: str) -> None:
    assert requests.post(f"{url}/__sim/clock", json={"now": now}, timeout=5).ok


def arm(url: str, kind: str, **more: object) -> None:
    fault = {"vendor": "github", "kind": kind, **more}
    assert requests.post(f"{url}/__sim/faults", json=[fault], timeout=5).ok


def test_releases_come_newest_first_until_they_are_deleted(own_vendors: str) -> None:
    def names() -> list[str]:
        return [row["tag_name"] for row in listed(own_vendors, "/releases")]

    before = names()
    move_clock(own_vendors, "2026-06-30T13:00:00Z")
    assert (before, names()) == (["R-20", "R-10", "R-0"], ["R-20", "R-10"])


def test_deployments_are_of_the_last_pull_and_go_to_staging_first(vendors: str) -> None:
    rows = listed(vendors, "/deployments?per_page=100")
    assert [row["environment"] for row in rows[:4]] == ["production", "staging"] * 2
    [production] = listed(vendors, f"/deployments?environment=production&sha={rows[-1]['sha']}")
    assert production["created_at"] == "2026-06-10T12:00:00Z"
    pulls = {row["title"]: row for row in everything(vendors, "/pulls?state=all")}
    assert production["sha"] == pulls["Change 3"]["merge_commit_sha"]
    assert [len(listed(vendors, f"/deployments?{query}")) for query in ("ref=main", "task=x")] == [
        20,
        0,
    ]


def test_a_pull_carries_the_branch_that_its_issue_gave_it(vendors: str) -> None:
    pulls = list(everything(vendors, "/pulls?state=all&direction=asc&sort=created&per_page=7"))
    first = pulls[0]
    assert first["head"]["ref"] == "ada/app-1-fix-search"
    assert [label["name"] for label in first["labels"]] == ["bug"]
    assert (first["user"]["login"], first["base"]["ref"], first["draft"]) == ("ada", "main", False)
    assert len({pull["id"] for pull in pulls}) == len(pulls) == 40


def test_a_pull_is_open_until_it_is_merged(own_vendors: str) -> None:
    def waiting() -> dict:
        [row] = [
            r for r in everything(own_vendors, f"/pulls?{CHANGED}") if r["title"] == "Change 38"
        ]
        return dict(row)

    before = waiting()
    assert (before["state"], before["merged_at"], before["closed_at"]) == ("open", None, None)
    assert [row["title"] for row in listed(own_vendors, "/pulls")] == ["Change 38"]
    move_clock(own_vendors, "2026-06-30T13:00:00Z")
    after = waiting()
    assert (after["state"], after["merged_at"]) == ("closed", "2026-06-30T13:00:00Z")
    assert after["updated_at"] == after["closed_at"] == after["merged_at"]
    # Before, it was a merge that was only tried.
    assert after["merge_commit_sha"] != before["merge_commit_sha"]
    assert listed(own_vendors, f"/pulls?{CHANGED}&per_page=1")[0]["title"] == "Change 38"


def test_issues_are_pulls_too_and_know_since_when(vendors: str) -> None:
    since = list(everything(vendors, f"/issues?{CHANGED}&since=2026-06-19T11:11:00Z&per_page=2"))
    assert [row["title"] for row in since] == ["Change 39", "Change 37"]
    assert all("pull_request" in row for row in since)
    alone = [r for r in everything(vendors, f"/issues?{CHANGED}") if "pull_request" not in r]
    assert [row["title"] for row in alone] == ["Moved away", "Dates jump", "Search is down"]
    numbers = [row["number"] for row in everything(vendors, "/issues?state=all&per_page=100")]
    assert sorted(numbers) == list(range(1, 44))


def test_an_incident_names_the_commit_that_caused_it(vendors: str) -> None:
    [incident] = listed(vendors, "/issues?state=all&labels=incident")
    deployed = listed(vendors, "/deployments?environment=production&per_page=100")
    [cause] = [row["sha"] for row in deployed if row["created_at"].startswith("2026-06-12")]
    assert cause[:12] in incident["body"]
    assert incident["closed_at"] == "2026-06-12T14:00:00Z"


@pytest.mark.parametrize("size", [1, 7, 20, 40, 100])
def test_links_lead_through_all_pages(vendors: str, size: int) -> None:
    titles = [row["title"] for row in everything(vendors, f"/pulls?{CHANGED}&per_page={size}")]
    assert len(set(titles)) == len(titles) == 40


def test_a_page_has_thirty_rows_and_a_hundred_at_most(vendors: str) -> None:
    assert len(listed(vendors, f"/pulls?{CHANGED}")) == 30
    assert len(listed(vendors, f"/issues?{CHANGED}&per_page=1000")) == 43
    assert get(vendors, f"/issues?{CHANGED}&per_page=1000").links == {}


def test_an_answer_that_did_not_change_is_not_sent_again(vendors: str) -> None:
    first = get(vendors, "/releases")
    again = get(vendors, "/releases", **{"If-None-Match": first.headers["ETag"]})
    other = get(vendors, "/pulls", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content, other.status_code) == (304, b"", 200)


@pytest.mark.parametrize(
    "query",
    ["state=gone", "sort=size", "direction=up", "per_page=ten", "colour=red", "page=1&page=2"],
)
def test_what_github_does_not_know_is_refused(vendors: str, query: str) -> None:
    answer = get(vendors, f"/pulls?{query}")
    assert (answer.status_code, answer.json()["message"]) == (422, "Validation Failed")
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_errors_have_githubs_words(vendors: str) -> None:
    wrong = requests.get(f"{vendors}{HERE}/pulls", headers={"Authorization": "Bearer x"}, timeout=5)
    lost = requests.get(f"{vendors}/repos/lanternfish/none/pulls", headers=GITHUB, timeout=5)
    old = get(vendors, "/pulls", **{"X-GitHub-Api-Version": "2019-01-01"})
    assert [(a.status_code, a.json()["message"]) for a in (wrong, lost)] == [
        (401, "Bad credentials"),
        (404, "Not Found"),
    ]
    assert (old.status_code, get(vendors, "/comments").status_code) == (400, 404)


def test_faults_are_githubs(own_vendors: str) -> None:
    arm(own_vendors, "429", retry_after=3)
    arm(own_vendors, "500", request=2)
    limited, broken = get(own_vendors, "/pulls"), get(own_vendors, "/pulls")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")
    assert "secondary rate limit" in limited.json()["message"]
    assert (broken.status_code, broken.json()["message"]) == (500, "Server Error")
    before = listed(own_vendors, f"/pulls?{CHANGED}&per_page=20")
    arm(own_vendors, "late")
    assert listed(own_vendors, f"/pulls?{CHANGED}&per_page=20") == before[2:]


def test_github_drifts(own_vendors: str) -> None:
    for kind in ("new-column", "changed-type", "dropped-column"):
        arm(own_vendors, "drift", drift=kind, times=-1)
    row = listed(own_vendors, "/releases")[0]
    assert (row["surprise_field"], type(row["created_at"])) == ("new", int)
    assert "tag_name" not in row


@pytest.fixture
def limited(make_app: MakeApp) -> Iterator[tuple[str, Starlette]]:
    app = make_app(rate_limits=True)
    with running(app) as url:
        yield url, app


def test_the_hour_says_in_headers_when_it_begins_anew(limited: tuple[str, Starlette]) -> None:
    url, app = limited
    app.state.world.vendor(f"{HERE}/pulls").limits[0].count = 2
    answers = [get(url, "/releases") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    reset = datetime.fromtimestamp(int(answers[-1].headers["x-ratelimit-reset"]), UTC)
    assert 3590 < (reset - NOW).total_seconds() <= 3601
    assert "Retry-After" not in answers[-1].headers
    assert answers[-1].json()["message"].startswith("API rate limit exceeded")


def test_a_minute_has_a_limit_that_says_when(limited: tuple[str, Starlette]) -> None:
    url, app = limited
    app.state.world.vendor(f"{HERE}/pulls").limits[1].count = 2
    answer = [get(url, "/releases") for _ in range(3)][-1]
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (403, "4998")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
