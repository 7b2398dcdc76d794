"""GitHub: releases, deployments to every environment, pulls and issues, of some repositories.

Only issues can be asked for by the time of their change. The other lists come newest first and are
read as far as they have news. What was deleted or transferred leaves no trace: releases are listed
whole each night, the rest once a week, and what such a list does not bring is gone. Who wrote,
merged or deployed is left out.

readings (objects of one kind) → releases, deployments, pulls, issues, listed, source_counts. Try it
alone: `python -m ingestion github`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import dlt
import requests
from dlt.extract import DltResource

from ingestion.budget import HourLimiter
from ingestion.checking import can_be_checked
from ingestion.errors import SettingError, VendorError, setting_name
from ingestion.http import Api, Page
from ingestion.privacy import Pseudonyms
from ingestion.tables import BIGINT, BOOL, TEXT, TIME, Row, Table, digest_of, source_counts

KEY = ("repository", "id")
NAMED = {"repository": TEXT, "id": TEXT}
# When a list last brought the row as it is.
READ = {"listed_at": TIME}
RELEASES = Table(
    "github",
    "releases",
    {
        **NAMED,
        "tag_name": TEXT,
        "name": TEXT,
        "is_draft": BOOL,
        "is_prerelease": BOOL,
        "created_at": TIME,
        "published_at": TIME,
        **READ,
    },
    primary_key=KEY,
    newest="listed_at",
)
DEPLOYMENTS = Table(
    "github",
    "deployments",
    {
        **NAMED,
        "sha": TEXT,
        "ref": TEXT,
        "environment": TEXT,
        "task": TEXT,
        "created_at": TIME,
        "updated_at": TIME,
        **READ,
    },
    primary_key=KEY,
    newest="updated_at",
    # A branch may begin with a login.
    personal=("ref",),
)
PULLS = Table(
    "github",
    "pulls",
    {
        **NAMED,
        "number": BIGINT,
        "title": TEXT,
        "state": TEXT,
        "is_draft": BOOL,
        "base_ref": TEXT,
        "head_ref": TEXT,
        "merge_commit_sha": TEXT,
        "labels": TEXT,
        "created_at": TIME,
        "updated_at": TIME,
        "merged_at": TIME,
        "closed_at": TIME,
        **READ,
    },
    primary_key=KEY,
    newest="updated_at",
    personal=("title", "head_ref"),
)
ISSUES = Table(
    "github",
    "issues",
    {
        **NAMED,
        "number": BIGINT,
        "title": TEXT,
        "body": TEXT,
        "state": TEXT,
        "labels": TEXT,
        "is_incident": BOOL,
        "created_at": TIME,
        "updated_at": TIME,
        "closed_at": TIME,
        **READ,
    },
    primary_key=KEY,
    newest="updated_at",
    personal=("title", "body"),
)
# When everything of a kind was listed: what was there before and came with no list since is gone.
LISTED = Table(
    "github",
    "listed",
    {"repository": TEXT, "object_type": TEXT, "listed_at": TIME},
    primary_key=("repository", "object_type"),
)
COUNTS = source_counts("github")
TABLES = (RELEASES, DEPLOYMENTS, PULLS, ISSUES, LISTED, COUNTS)

PAGE = 100
REPOSITORIES_SETTING = setting_name("github", "repositories")
VERSION = "2022-11-28"
REPOSITORY = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
# Lists are sorted by GitHub's clock; what changed while a load was reading is read by the next.
OVERLAP = timedelta(hours=1)
# What vanishes changes no time, and moves a row to a page that was read already.
WHOLE_EVERY = timedelta(days=7)
SCOPES = "read-only access to Contents, Deployments, Issues and Pull requests"

Item = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """Objects of one kind: which field fills which column, and how they are listed."""

    table: Table
    fields: Mapping[str, str]
    asked: Mapping[str, str | int]
    # The time by which the list is sorted, newest first.
    sorted_by: str
    takes_since: bool = False

    @property
    def path(self) -> str:
        """Where a repository lists them."""
        return self.table.name


@dataclass(frozen=True)
class Reading:
    """Rows of one kind; or that all there are were listed, and how many they are."""

    kind: Kind
    repository: str
    rows: Sequence[Row] = ()
    count: int | None = None
    # Whether the list of all was written to its table; it was not if it says what the last said.
    is_news: bool = True


def _kinds() -> tuple[Kind, ...]:
    newest: dict[str, str | int] = {"state": "all", "sort": "updated", "direction": "desc"}
    times = {"created_at": "created_at", "updated_at": "updated_at"}
    work = {
        "id": "id",
        "number": "number",
        "title": "title",
        "state": "state",
        "labels": "labels",
        **times,
        "closed_at": "closed_at",
    }
    released = {
        "id": "id",
        "tag_name": "tag_name",
        "name": "name",
        "is_draft": "draft",
        "is_prerelease": "prerelease",
        "created_at": "created_at",
        "published_at": "published_at",
    }
    deployed = {name: name for name in ("id", "sha", "ref", "environment", "task")}
    merged = {
        "is_draft": "draft",
        "base_ref": "base.ref",
        "head_ref": "head.ref",
        "merge_commit_sha": "merge_commit_sha",
        "merged_at": "merged_at",
    }
    return (
        Kind(RELEASES, released, {}, "created_at"),
        Kind(DEPLOYMENTS, {**deployed, **times}, {}, "created_at"),
        Kind(PULLS, {**work, **merged}, newest, "updated_at"),
        Kind(ISSUES, {**work, "body": "body"}, newest, "updated_at", takes_since=True),
    )


def _row(kind: Kind, incident_label: str, item: Item) -> Row:
    row = {name: _value(kind.table, name, path, item) for name, path in kind.fields.items()}
    if "labels" in row:
        # Objects or bare names; what is no list any more is for the table to refuse.
        labels = row["labels"] if isinstance(row["labels"], list) else []
        names = sorted(each["name"] if isinstance(each, dict) else each for each in labels)
        row["labels"] = "; ".join(names) or None if labels else row["labels"] or None
        if kind.table is ISSUES:
            row["is_incident"] = incident_label.lower() in map(str.lower, names)
    return row


def _value(table: Table, column: str, path: str, item: Item) -> Any:  # Any: JSON
    name, *inner = path.split(".")
    if name not in item:
        table.dropped(column)
        return None
    value = item[name]
    for each in inner:
        value = value.get(each) if isinstance(value, dict) else value
    return value


class Repositories:
    """The lists of some repositories, page by page."""

    def __init__(self, api: Api, incident_label: str) -> None:
        self.api = api
        self.incident_label = incident_label

    def first(self, repository: str, kind: Kind) -> Page:
        return self._page(repository, f"/repos/{repository}/{kind.path}", {"per_page": 1})

    def items(self, repository: str, kind: Kind, since: datetime | None) -> Iterator[Item]:
        """Objects newest first, and none that did not change since a moment."""
        path: str | None = f"/repos/{repository}/{kind.path}"
        asked: dict[str, str | int] | None = {**kind.asked, "per_page": PAGE}
        if since is not None and kind.takes_since:
            asked = {**kind.asked, "per_page": PAGE, "since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
        while path is not None:
            page = self._page(repository, path, asked)
            news = [item for item in page.items if not _is_before(item, kind.sorted_by, since)]
            yield from news
            # The address of the next page has all that was asked for.
            path, asked = page.next if len(news) == len(page.items) else None, None

    def _page(self, repository: str, path: str, asked: dict[str, str | int] | None) -> Page:
        page = self.api.page(path, asked)
        if page is None:
            raise VendorError(
                f"github: repository {repository!r} is not there under this name, or the token in"
                f" {self.api.token_setting} may not see it; check {REPOSITORIES_SETTING}"
            )
        return page


def _is_before(item: Item, name: str, since: datetime | None) -> bool:
    """Whether an object is older than what is asked for; one that tells no time is not."""
    at = _moment(item.get(name))
    return since is not None and at is not None and at < since


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _is_rate_limited(response: requests.Response) -> bool:
    """GitHub may say with the status of a missing permission that it was asked too much."""
    return response.status_code == 403 and (
        "Retry-After" in response.headers
        or response.headers.get("x-ratelimit-remaining") == "0"
        or b"rate limit" in response.content.lower()
    )


@dlt.source(name="github", section="github", max_table_nesting=0)
def github(
    base_url: str = "https://api.github.com",
    access_token: str = dlt.secrets.value,
    # As OWNER/NAME, with commas between.
    repositories: str = dlt.config.value,
    incident_label: str = "incident",
    requests_per_second: int = 10,
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load some repositories of GitHub, but for the tables in `stopped`."""
    names = _names(repositories)
    limiter = HourLimiter(requests_per_second)
    api = Api(
        *("github", base_url, access_token, "access_token", SCOPES, limiter, "base_url"),
        headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION},
        is_busy=_is_rate_limited,
        on_answer=limiter.note,
    )
    lists, kinds = Repositories(api, incident_label), _kinds()
    # Each permission once, each repository once.
    can_be_checked(*(partial(lists.first, names[0], kind) for kind in kinds))
    can_be_checked(*(partial(lists.first, name, kinds[0]) for name in names[1:]))
    wanted = [kind for kind in kinds if kind.table.name not in stopped]
    parent = dlt.resource(
        lambda: _readings(lists, names, wanted, stopped),
        name="readings",
        selected=False,
    )
    people = Pseudonyms("github")
    return (
        *(
            kind.table.transformer(parent, partial(_rows_of, people, kind, lambda: api.now))
            for kind in kinds
        ),
        LISTED.transformer(parent, lambda reading: _listed(reading, api.now)),
        COUNTS.transformer(parent, lambda reading: _counts(reading, api.now)),
    )


def _names(repositories: str) -> list[str]:
    names = list(dict.fromkeys(each.strip() for each in repositories.split(",") if each.strip()))
    wrong = next((name for name in names if not REPOSITORY.fullmatch(name)), None)
    if wrong is not None or not names:
        raise SettingError(
            f"github: {REPOSITORIES_SETTING} is {wrong or repositories!r}; write"
            " OWNER/NAME, and commas between several"
        )
    return names


def _readings(
    lists: Repositories,
    names: Sequence[str],
    kinds: Sequence[Kind],
    stopped: Sequence[str],
) -> Iterator[Reading]:
    state = dlt.current.source_state()
    # All tables are read together: what was left out is read again with the rest.
    is_resumed = any(table not in stopped for table in state.get("stopped", {}))
    if is_resumed or state.get("incident_label") != lists.incident_label:
        state["repositories"] = {}
    state["incident_label"] = lists.incident_label
    kept = state.setdefault("repositories", {})
    for name in names:
        yield from _read(lists, name, kinds, kept.setdefault(name, {}))
    state["vendor_now"] = lists.api.now.isoformat()


def _read(
    lists: Repositories, repository: str, kinds: Sequence[Kind], kept: dict[str, Any]
) -> Iterator[Reading]:
    """What is new in one repository, or everything once a week."""
    # First, since its answer tells the time.
    yield from _releases(lists, repository, kinds, kept)
    now, before = lists.api.now, kept.get("read_until")
    until = datetime.fromisoformat(before) if before else None
    is_whole = until is None or now - datetime.fromisoformat(kept["whole_at"]) >= WHOLE_EVERY
    since = None if is_whole or until is None else until - OVERLAP
    seen, fresh = set(kept.get("seen", ())), set[str]()
    for kind in kinds:
        if kind.table is RELEASES:
            continue
        rows = _found(lists, repository, kind, since)
        fresh.update(_mark(kind, row) for row in rows if _is_recent(row, now))
        if is_whole:
            yield Reading(kind, repository, rows, len({row["id"] for row in rows}))
        else:
            yield Reading(kind, repository, [r for r in rows if _mark(kind, r) not in seen])
    if is_whole:
        kept["whole_at"] = now.isoformat()
    kept["read_until"] = now.isoformat()
    kept["seen"] = sorted(fresh)


def _releases(
    lists: Repositories, repository: str, kinds: Sequence[Kind], kept: dict[str, Any]
) -> Iterator[Reading]:
    """All releases if any is new, changed or gone; they are few."""
    kind = next((each for each in kinds if each.table is RELEASES), None)
    if kind is None:
        lists.first(repository, kinds[0])
        return
    rows = _found(lists, repository, kind, None)
    count, digest = len({row["id"] for row in rows}), digest_of(rows)
    is_news = kept.get("releases") != digest
    kept["releases"] = digest
    yield Reading(kind, repository, rows if is_news else (), count, is_news)


def _found(lists: Repositories, repository: str, kind: Kind, since: datetime | None) -> list[Row]:
    items = lists.items(repository, kind, since)
    label = lists.incident_label
    return [_row(kind, label, item) for item in items if "pull_request" not in item]


def _is_recent(row: Row, now: datetime) -> bool:
    """Whether it changed so lately that the next load meets it again."""
    at = _moment(row["updated_at"])
    return at is None or at >= now - OVERLAP


def _mark(kind: Kind, row: Row) -> str:
    return f"{kind.path} {row['id']} {digest_of([row])[:12]}"


def _rows_of(
    people: Pseudonyms, kind: Kind, now: Callable[[], datetime], reading: Reading
) -> Iterator[Sequence[Row]]:
    if reading.kind is kind and reading.rows:
        named = {"repository": reading.repository, "listed_at": now()}
        yield [{**_without_erased(people, kind, row), **named} for row in reading.rows]


def _without_erased(people: Pseudonyms, kind: Kind, row: Row) -> Row:
    """A row without the addresses of people who were erased here."""
    texts = {name: row[name] for name in kind.table.personal}
    return {
        **row,
        **{n: people.without_erased(text) for n, text in texts.items() if isinstance(text, str)},
    }


def _listed(reading: Reading, now: datetime) -> Iterator[Sequence[Row]]:
    if reading.count is not None and reading.is_news:
        named = {"repository": reading.repository, "object_type": reading.kind.table.name}
        yield [{**named, "listed_at": now}]


def _counts(reading: Reading, now: datetime) -> Iterator[Sequence[Row]]:
    if reading.count is not None:
        named = {"table_name": reading.kind.table.name, "scope": reading.repository}
        yield [{**named, "source_count": reading.count, "counted_at": now}]
