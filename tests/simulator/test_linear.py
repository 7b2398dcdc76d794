"""Linear answers what its schema allows, page by page, and refuses everything else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator import linear
from simulator.server import create_app, running
from tests.simulator.small_company import NOW, write, write_csv

JUNE = "2026-06-{:02d}T12:00:00Z"
JULY = "2026-07-02T12:00:00Z"
TIMES = ("created", "started", "completed", "canceled", "archived", "trashed")


def issue(key: str, title: str, team: str, more: dict[str, object], **days: int) -> tuple:
    """A row of ISSUES; days are those of June, 31 and on those of July."""
    at = {name: JUNE.format(day) if day <= 30 else JULY for name, day in days.items()}
    given = (more.get(name, "") for name in ("estimate", "project_id", "priority"))
    return (key, title, team, *given, *(at.get(name, "") for name in TIMES))


ISSUES = (
    (
        *("issue_id", "title", "team", "estimate", "project_id", "priority"),
        *(f"{name}_at" for name in TIMES),
    ),
    [
        issue(
            *("i1", "Build", "APP", {"estimate": 3, "project_id": "p1", "priority": 2}),
            created=1,
            started=3,
            completed=5,
        ),
        issue(
            *("i2", "Test", "APP", {"estimate": 1, "project_id": "p1"}),
            created=2,
            started=9,
            completed=32,
        ),
        issue("i3", "Drop", "PLT", {}, created=4, canceled=6, archived=20),
        issue("i4", "Bin", "APP", {}, created=7, trashed=10),
        issue("i5", "Later", "APP", {}, created=32),
    ],
)
TABLES = {
    "issues": ISSUES,
    "projects": (
        ("project_id", "name", "created_at", "started_at", "target_at", "priority"),
        [
            ("p1", "Portal", JUNE.format(1), JUNE.format(8), JUNE.format(28), "2"),
            ("p2", "Gantt", JUNE.format(2), "", "", ""),
        ],
    ),
    "feedback": (
        ("feedback_id", "account_id", "channel", "created_at", "deleted_at", "text"),
        [
            ("f1", "acct_1", "sales_call", JUNE.format(2), "", "A portal, please."),
            ("f2", "acct_2", "community", JUNE.format(3), "", "Dark mode."),
            ("f3", "acct_1", "support", JUNE.format(4), "", "It broke."),
            ("f4", "acct_3", "community", JUNE.format(5), "2026-07-01T00:00:00Z", "Gone soon."),
        ],
    ),
    "feedback_links": (
        ("feedback_id", "issue_id", "project_id", "is_important", "linked_at"),
        [("f1", "i1", "p1", "true", JUNE.format(6)), ("f2", "", "p1", "", "2026-07-02T00:00:00Z")],
    ),
    "accounts": (
        ("account_id", "name", "domain", "closed_at"),
        [
            ("acct_1", "Acme", "acme.example", ""),
            ("acct_2", "Beta", "beta.example", JUNE.format(29)),
        ],
    ),
    "subscriptions": (
        ("subscription_id", "account_id", "seats", "unit_price", "started_at", "ended_at"),
        [
            ("s1", "acct_1", "5", "55.00", JUNE.format(1), JUNE.format(10)),
            ("s1", "acct_1", "7", "55.00", JUNE.format(10), ""),
        ],
    ),
}
ISSUE = (
    "{ issues(%s) { nodes { title updatedAt state { type } } pageInfo { hasNextPage endCursor } } }"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("linear") / "company")
    for name, (columns, rows) in TABLES.items():
        listed = [dict(zip(columns, row, strict=True)) for row in rows]
        write_csv(folder / "business" / f"{name}.csv", listed)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with running(create_app(folder, now=NOW)) as served:
        yield served


@pytest.fixture
def own_url(folder: Path) -> Iterator[str]:
    with running(create_app(folder, now=NOW)) as served:
        yield served


def call(url: str, query: str, token: str = linear.TOKEN, **body: object) -> requests.Response:
    headers = {"Authorization": token}
    return requests.post(
        f"{url}/graphql", json={"query": query, **body}, headers=headers, timeout=5
    )


def ask(url: str, query: str, **variables: object) -> Any:
    answer = call(url, query, variables=variables)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def move(url: str, now: str) -> None:
    requests.post(f"{url}/__sim/clock", json={"now": now}, timeout=5)


def titles(url: str, asked: str) -> list[str]:
    return [row["title"] for row in ask(url, ISSUE % asked)["issues"]["nodes"]]


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


def test_lists_come_newest_first_and_leave_out_what_was_put_away(url: str) -> None:
    assert titles(url, "first: 50") == ["Test", "Build"]
    assert titles(url, "includeArchived: true") == ["Bin", "Drop", "Test", "Build"]
    by_change = titles(url, "includeArchived: true, orderBy: updatedAt")
    assert by_change == ["Test", "Bin", "Drop", "Build"]


def test_pages_meet_without_a_gap_in_both_directions(url: str) -> None:
    first = ask(url, ISSUE % "first: 3, includeArchived: true")["issues"]
    assert first["pageInfo"]["hasNextPage"]
    cursor = first["pageInfo"]["endCursor"]
    rest = ISSUE % f'first: 3, includeArchived: true, after: "{cursor}"'
    assert [row["title"] for row in ask(url, rest)["issues"]["nodes"]] == ["Build"]
    assert not ask(url, rest)["issues"]["pageInfo"]["hasNextPage"]
    assert titles(url, f'last: 1, includeArchived: true, before: "{cursor}"') == ["Drop"]


def test_filters_compare_times_and_ids(url: str) -> None:
    since = JUNE.format(7)
    assert titles(url, f'filter: {{updatedAt: {{gte: "{since}"}}}}') == ["Test"]
    either = (
        f'filter: {{or: [{{updatedAt: {{gt: "{since}"}}}}, {{archivedAt: {{gte: "{since}"}}}}]}}'
    )
    assert titles(url, f"includeArchived: true, {either}") == ["Bin", "Drop", "Test"]
    assert titles(url, "includeArchived: true, filter: {completedAt: {null: false}}") == ["Build"]
    key = ask(url, "{ issues(last: 1) { nodes { id } } }")["issues"]["nodes"][0]["id"]
    assert titles(url, f'filter: {{id: {{in: ["{key}"]}}}}') == ["Build"]
    assert titles(url, f'filter: {{id: {{neq: "{key}"}}}}') == ["Test"]


def test_an_issue_moves_through_its_states(own_url: str) -> None:
    query = "{ issues(includeArchived: true) { nodes { identifier title trashed archivedAt"
    query += " state { name type } completedAt updatedAt project { name state } } } }"
    rows = {row["title"]: row for row in ask(own_url, query)["issues"]["nodes"]}
    assert rows["Test"]["state"] == {"name": "In Progress", "type": "started"}
    assert rows["Test"]["project"] == {"name": "Portal", "state": "started"}
    assert (rows["Test"]["identifier"], rows["Test"]["completedAt"]) == ("APP-2", None)
    assert (rows["Bin"]["trashed"], rows["Drop"]["trashed"]) == (True, None)
    # Put away on the 20th, last changed on the 6th.
    assert rows["Drop"]["archivedAt"] == "2026-06-20T12:00:00.000Z"
    assert rows["Drop"]["updatedAt"] == "2026-06-06T12:00:00.000Z"
    move(own_url, "2026-07-11T00:00:00Z")
    rows = {row["title"]: row for row in ask(own_url, query)["issues"]["nodes"]}
    assert set(rows) == {"Build", "Test", "Drop", "Later"}
    assert rows["Test"]["state"]["type"] == "completed"


def test_a_team_counts_its_issues(url: str) -> None:
    query = "{ teams { nodes { key live: issueCount all: issueCount(includeArchived: true) } } }"
    assert sorted(ask(url, query)["teams"]["nodes"], key=lambda row: row["key"]) == [
        {"key": "APP", "live": 2, "all": 3},
        {"key": "PLT", "live": 0, "all": 1},
    ]


def test_customers_know_their_revenue_and_mostly_their_names_elsewhere(url: str) -> None:
    query = "{ customers { nodes { name revenue size domains externalIds updatedAt } } }"
    rows = {row["name"]: row for row in ask(url, query)["customers"]["nodes"]}
    # Beta's account was closed.
    assert set(rows) == {"Acme", "acct_3"}
    assert (rows["Acme"]["revenue"], rows["Acme"]["size"]) == (7 * 55 * 12, 7)
    assert rows["Acme"]["updatedAt"] == "2026-06-10T12:00:00.000Z"
    assert (rows["Acme"]["domains"], rows["Acme"]["externalIds"]) in (
        (["acme.example"], ["9001"]),
        (["acme.example"], []),
        ([], ["acct_1"]),
        ([], []),
    )


def test_needs_come_from_sales_and_community_and_are_linked_later(own_url: str) -> None:
    query = "{ customerNeeds { nodes { body priority updatedAt customer { name }"
    query += " issue { title } project { name } } } }"
    rows = {row["body"]: row for row in ask(own_url, query)["customerNeeds"]["nodes"]}
    assert set(rows) == {"A portal, please.", "Gone soon."}
    assert rows["A portal, please."] == {
        "body": "A portal, please.",
        "priority": 1,
        "updatedAt": "2026-06-06T12:00:00.000Z",
        "customer": {"name": "Acme"},
        "issue": {"title": "Build"},
        "project": {"name": "Portal"},
    }
    move(own_url, "2026-07-01T00:00:00Z")
    assert len(ask(own_url, query)["customerNeeds"]["nodes"]) == 1


REFUSED = [
    ("{ issues(first: 251) { nodes { id } } }", "INPUT_ERROR"),
    ("{ issues(first: 0) { nodes { id } } }", "INPUT_ERROR"),
    ("{ issues(first: 1, last: 1) { nodes { id } } }", "INPUT_ERROR"),
    ('{ issues(after: "nobody") { nodes { id } } }', "INPUT_ERROR"),
    ('{ issues(filter: {updatedAt: {gte: "soon"}}) { nodes { id } } }', "INPUT_ERROR"),
    ("{ issues(limit: 1) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
    ("{ issues { nodes { surprise } } }", "GRAPHQL_VALIDATION_FAILED"),
    ("{ issues { nodes { state } } }", "GRAPHQL_VALIDATION_FAILED"),
    ("{ issues(orderBy: title) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
    ("{ issues { nodes { id }", "GRAPHQL_PARSE_FAILED"),
    ("mutation { issueDelete }", "GRAPHQL_VALIDATION_FAILED"),
]


@pytest.mark.parametrize(("query", "said"), REFUSED)
def test_what_linear_does_not_know_is_refused(url: str, query: str, said: str) -> None:
    assert code(call(url, query)) == (400, said)


def test_variables_are_checked_and_unknown_keys_of_a_body_refused(url: str) -> None:
    query = "query($first: Int!) { issues(first: $first) { nodes { id } } }"
    assert len(ask(url, query, first=1)["issues"]["nodes"]) == 1
    assert code(call(url, query, variables={"first": "one"})) == (400, "BAD_USER_INPUT")
    assert code(call(url, query, variabels={"first": 1})) == (400, "INPUT_ERROR")


def test_a_key_comes_as_it_is_or_as_a_bearer(url: str) -> None:
    assert call(url, "{ viewer { id } }", f"Bearer {linear.TOKEN}").status_code == 200
    for wrong in ("", "wrong", "Bearer wrong"):
        assert code(call(url, "{ viewer { id } }", wrong)) == (401, "AUTHENTICATION_ERROR")
    assert (
        requests.get(f"{url}/graphql", headers={"Authorization": linear.TOKEN}).status_code == 405
    )


def test_points_are_counted_and_a_query_of_too_many_is_refused(url: str) -> None:
    answer = call(url, "{ issues(first: 100) { nodes { id title state { type } } } }")
    # A list, its node, two values, and a state with one value, a hundred times.
    assert answer.headers["X-Complexity"] == str(round(100 * (1 + 1 + 0.2 + 1.1)))
    assert int(answer.headers["X-RateLimit-Complexity-Remaining"]) < 250_000
    one = "issues(first: 250) { nodes { id state { id } } }"
    many = " ".join(f"list{number}: {one}" for number in range(20))
    answer = call(url, f"{{ {many} }}")
    assert code(answer) == (400, "INPUT_ERROR")
    assert "too complex" in answer.text


def test_points_of_an_hour_run_out(folder: Path) -> None:
    query = "{ issues(first: 250) { nodes { id " + " ".join(
        f"s{n}: state {{ id }}" for n in range(30)
    )
    query += " } } }"
    with running(create_app(folder, now=NOW, rate_limits=True)) as served:
        answers = [call(served, query) for _ in range(32)]
    assert answers[0].status_code == 200
    assert code(answers[-1]) == (400, "RATELIMITED")


def test_too_many_requests_are_a_400_with_a_code(own_url: str) -> None:
    fault = {"vendor": "linear", "kind": "429-no-retry-after"}
    requests.post(f"{own_url}/__sim/faults", json=[fault], timeout=5)
    assert code(call(own_url, "{ viewer { id } }")) == (400, "RATELIMITED")
    assert call(own_url, "{ viewer { id } }").status_code == 200


def test_drift_gives_a_value_another_type_or_takes_its_field_away(own_url: str) -> None:
    query = "{ issues { nodes { title estimate } } }"
    for number, drift in enumerate(("changed-type", "dropped-column"), start=1):
        fault = {"vendor": "linear", "kind": "drift", "drift": drift, "request": number}
        requests.post(f"{own_url}/__sim/faults", json=[fault], timeout=5)
    answer = call(own_url, query)
    assert answer.status_code == 200
    assert all(isinstance(r["estimate"], dict) for r in answer.json()["data"]["issues"]["nodes"])
    assert "Cannot query field 'estimate'" in call(own_url, query).text.replace('\\"', "'")
