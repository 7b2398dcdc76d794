"""Linear: customers, what they need, issues, projects, teams and workflow states.

readings (some objects of one kind) → customers, customer_keys, customer_needs, issues, projects;
teams, workflow_states; listed, source_counts. Try it alone: `python -m ingestion linear`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import dlt
import requests
from dlt.extract import DltResource

from ingestion.checking import can_be_checked
from ingestion.errors import VendorError
from ingestion.http import Api, Limiter
from ingestion.privacy import Pseudonyms
from ingestion.tables import BIGINT, BOOL, TEXT, TIME, Row, Table, changed, digest_of, source_counts

STAMPS = {"created_at": TIME, "updated_at": TIME, "archived_at": TIME}
PROGRESS = {"started_at": TIME, "completed_at": TIME, "canceled_at": TIME, "trashed": BOOL}
CUSTOMERS = Table(
    "linear",
    "customers",
    {"id": TEXT, "name": TEXT, "revenue": BIGINT, "size": TEXT, **STAMPS},
    primary_key=("id",),
    newest="updated_at",
    personal=("name",),
)
KEYS = Table(
    "linear",
    "customer_keys",
    {"customer": TEXT, "key_type": TEXT, "value": TEXT, "is_deleted": BOOL},
    primary_key=("customer", "key_type", "value"),
    merge_key=("customer",),
    deleted_flag="is_deleted",
)
NEEDS = Table(
    "linear",
    "customer_needs",
    {
        "id": TEXT,
        "body": TEXT,
        "priority": BIGINT,
        "customer": TEXT,
        "issue": TEXT,
        "project": TEXT,
        **STAMPS,
    },
    primary_key=("id",),
    newest="updated_at",
    personal=("body",),
)
# Neither descriptions nor who works on it: nobody's work is counted by name.
ISSUES = Table(
    "linear",
    "issues",
    {
        "id": TEXT,
        "identifier": TEXT,
        "title": TEXT,
        "priority": BIGINT,
        # Points, T-shirt sizes as numbers; half a point is one.
        "estimate": TEXT,
        "state": TEXT,
        "team": TEXT,
        "project": TEXT,
        **PROGRESS,
        **STAMPS,
    },
    primary_key=("id",),
    newest="updated_at",
    personal=("title",),
)
PROJECTS = Table(
    "linear",
    "projects",
    {
        "id": TEXT,
        "name": TEXT,
        "state": TEXT,
        "priority": BIGINT,
        "target_date": TEXT,
        **PROGRESS,
        **STAMPS,
    },
    primary_key=("id",),
    newest="updated_at",
)
TEAMS = Table("linear", "teams", {"id": TEXT, "key": TEXT, "name": TEXT}, primary_key=("id",))
STATES = Table(
    "linear",
    "workflow_states",
    {"id": TEXT, "team": TEXT, "name": TEXT, "type": TEXT, "position": TEXT},
    primary_key=("id",),
)
# What was purged vanishes without a trace: only a list of all that is there can tell.
LISTED = Table(
    "linear",
    "listed",
    {"object_type": TEXT, "id": TEXT, "listed_at": TIME},
    primary_key=("object_type", "id"),
    merge_key=("object_type",),
)
COUNTS = source_counts("linear")
TABLES = (CUSTOMERS, KEYS, NEEDS, ISSUES, PROJECTS, TEAMS, STATES, LISTED, COUNTS)

PAGE = 250
# Linear sorts by its own clock; what changed while a load was reading is read again by the next.
OVERLAP = timedelta(hours=1)
# Putting away does not move the time of a change, and purging leaves nothing that could.
WHOLE_EVERY = timedelta(days=7)
NO_SUCH_FIELD = re.compile(r"""Cannot query field ["'](\w+)["'] on type ["'](\w+)["']""")

Item = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """Objects of one type: where GraphQL lists them, and which field fills which column."""

    field: str
    type: str
    table: Table
    fields: Mapping[str, str]

    def query(self, without: Iterable[str]) -> str:
        """The GraphQL query of a page, but for the fields in `without`."""
        asked = " ".join(
            path.replace(".", " { ") + " }" * path.count(".")
            for path in self.fields.values()
            if re.split(r"\W", path)[0] not in set(without)
        )
        head = f"query($first: Int, $after: String, $filter: {self.type}Filter)"
        paging = "first: $first, after: $after, filter: $filter"
        listed = f"{self.field}({paging}, includeArchived: true, orderBy: updatedAt)"
        page = f"nodes {{ {asked} }} pageInfo {{ hasNextPage endCursor }}"
        return f"{head} {{ {listed} {{ {page} }} }}"


NODE = {"id": "id", "created_at": "createdAt", "updated_at": "updatedAt"}
PUT_AWAY = {"archived_at": "archivedAt"}
MOVED = {
    "started_at": "startedAt",
    "completed_at": "completedAt",
    "canceled_at": "canceledAt",
    "trashed": "trashed",
}
CUSTOMER_KIND = Kind(
    "customers",
    "Customer",
    CUSTOMERS,
    {
        **NODE,
        **PUT_AWAY,
        "name": "name",
        "revenue": "revenue",
        "size": "size",
        "domains": "domains",
        "external_ids": "externalIds",
    },
)
NEED_KIND = Kind(
    "customerNeeds",
    "CustomerNeed",
    NEEDS,
    {
        **NODE,
        **PUT_AWAY,
        "body": "body",
        "priority": "priority",
        "customer": "customer.id",
        "issue": "issue.id",
        "project": "project.id",
    },
)
ISSUE_KIND = Kind(
    "issues",
    "Issue",
    ISSUES,
    {
        **NODE,
        **PUT_AWAY,
        **MOVED,
        "identifier": "identifier",
        "title": "title",
        "priority": "priority",
        "estimate": "estimate",
        "state": "state.id",
        "team": "team.id",
        "project": "project.id",
    },
)
PROJECT_KIND = Kind(
    "projects",
    "Project",
    PROJECTS,
    {
        **NODE,
        **PUT_AWAY,
        **MOVED,
        "name": "name",
        "state": "state",
        "priority": "priority",
        "target_date": "targetDate",
    },
)
TEAM_KIND = Kind(
    "teams",
    "Team",
    TEAMS,
    {"id": "id", "key": "key", "name": "name", "issue_count": "issueCount(includeArchived: true)"},
)
STATE_KIND = Kind(
    "workflowStates",
    "WorkflowState",
    STATES,
    {"id": "id", "team": "team.id", "name": "name", "type": "type", "position": "position"},
)
# What customers ask for comes first, for who reads no further.
KINDS = (CUSTOMER_KIND, NEED_KIND, ISSUE_KIND, PROJECT_KIND)
QUERIES = (*KINDS, TEAM_KIND, STATE_KIND)


@dataclass(frozen=True)
class Reading:
    """Some objects of one kind; or the ids of all there are, and how many Linear counts."""

    kind: Kind
    items: Sequence[Item] = ()
    listed: Sequence[str] | None = None
    counted: Mapping[str, int] = field(default_factory=dict)


class Workspace:
    """One Linear workspace, asked for pages of one kind after another."""

    def __init__(self, api: Api, stopped: Sequence[str] = ()) -> None:
        self.api = api
        self._gone = {kind.type: _not_asked(kind, stopped) for kind in QUERIES}

    def pages(self, kind: Kind, wanted: Item | None = None) -> Iterator[list[Item]]:
        """Objects by column; those put away and in the bin included."""
        after = None
        while True:
            found = self._page(kind, {"first": PAGE, "after": after, "filter": wanted})
            yield [_columns(kind, node) for node in found["nodes"]]
            if not found["pageInfo"]["hasNextPage"]:
                return
            after = found["pageInfo"]["endCursor"]

    def first(self, kind: Kind) -> Item:
        return self._page(kind, {"first": 1, "after": None, "filter": None})

    def _page(self, kind: Kind, variables: Item) -> Item:
        gone = self._gone[kind.type]
        while True:
            body = {"query": kind.query(gone), "variables": variables}
            try:
                answer = self.api.post("/graphql", body)
            except VendorError as error:
                # A field that Linear no longer has makes it refuse the whole query.
                missing = NO_SUCH_FIELD.search(str(error))
                if not missing or missing[2] != kind.type or missing[1] in gone:
                    raise
                table, column = _filled_by(kind, missing[1])
                table.dropped(column)
                gone.add(missing[1])
                continue
            if answer.get("errors"):
                raise VendorError(f"linear: {kind.field} cannot be read: {_said(answer)}")
            page: Item = answer["data"][kind.field]
            return page


def _not_asked(kind: Kind, stopped: Sequence[str]) -> set[str]:
    """The fields that only tables in `stopped` are filled by."""
    names = (re.split(r"\W", path)[0] for path in kind.fields.values())
    return {name for name in names if name != "id" and _filled_by(kind, name)[0].name in stopped}


def _filled_by(kind: Kind, name: str) -> tuple[Table, str]:
    """The table and the column that a field fills."""
    if name in ("domains", "externalIds"):
        return KEYS, "value"
    # Only to be counted.
    if name == "issueCount":
        return COUNTS, "source_count"
    named = (column for column, path in kind.fields.items() if path.split(".")[0] == name)
    return kind.table, next(named)


def _columns(kind: Kind, node: Item) -> Item:
    return {column: _value(node, path.split("(")[0]) for column, path in kind.fields.items()}


def _value(node: Item, path: str) -> Any:  # Any: JSON
    value: Any = node
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _said(answer: Item) -> str:
    return "; ".join(str(error.get("message")) for error in answer["errors"])[:200]


def _is_rate_limited(response: requests.Response) -> bool:
    """Linear says that it was asked too much with status 400, and only the code tells why."""
    return response.status_code == 400 and b"RATELIMITED" in response.content


@dlt.source(name="linear", section="linear", max_table_nesting=0)
def linear(
    host: str = "https://api.linear.app",
    api_key: str = dlt.secrets.value,
    requests_per_second: int = 10,
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load one Linear workspace, but for the tables in `stopped`."""
    # A personal key is sent as it is, a token of OAuth as a bearer.
    headers = {"Authorization": api_key} if str(api_key).startswith("lin_api_") else {}
    api = Api(
        *("linear", host, api_key, "api_key", "read access"),
        Limiter(requests_per_second),
        headers=headers,
        is_busy=_is_rate_limited,
    )
    can_be_checked(*(partial(Workspace(api).first, kind) for kind in QUERIES))
    people = Pseudonyms("linear")
    parent = dlt.resource(
        lambda: _readings(Workspace(api, stopped), stopped), name="readings", selected=False
    )

    def of(kind: Kind, rows: Callable[[Item], Iterator[Row]]) -> Callable[[Reading], Any]:
        return partial(_rows_of, kind, rows)

    return (
        CUSTOMERS.transformer(parent, of(CUSTOMER_KIND, _plain)),
        KEYS.transformer(parent, of(CUSTOMER_KIND, _keys)),
        NEEDS.transformer(parent, of(NEED_KIND, partial(_without_erased, people, "body"))),
        ISSUES.transformer(parent, of(ISSUE_KIND, partial(_without_erased, people, "title"))),
        PROJECTS.transformer(parent, of(PROJECT_KIND, _plain)),
        TEAMS.transformer(parent, of(TEAM_KIND, _plain)),
        STATES.transformer(parent, of(STATE_KIND, _plain)),
        LISTED.transformer(parent, lambda reading: _listed(reading, api.now)),
        COUNTS.transformer(parent, lambda reading: iter([_counts(reading, api.now)])),
    )


def _readings(workspace: Workspace, stopped: Sequence[str]) -> Iterator[Reading]:
    state = dlt.current.source_state()
    # All tables are read together: what was left out is read again with the rest.
    if any(table not in stopped for table in state.get("stopped", {})):
        state.pop("read_until", None)
    kinds = [kind for kind in KINDS if kind.table.name not in stopped]
    # First, since teams count their issues, and their answer tells the time.
    teams = [team for page in workspace.pages(TEAM_KIND) for team in page]
    counted = sum(team.pop("issue_count") or 0 for team in {t["id"]: t for t in teams}.values())
    if TEAMS.name not in stopped and changed(TEAMS, teams):
        yield Reading(TEAM_KIND, teams)
    if STATES.name not in stopped:
        states = [each for page in workspace.pages(STATE_KIND) for each in page]
        if changed(STATES, states):
            yield Reading(STATE_KIND, states)
    now, before = workspace.api.now, state.get("read_until")
    until = datetime.fromisoformat(before) if before else None
    fresh: set[str] = set()
    is_whole = until is None or now - datetime.fromisoformat(state["whole_at"]) >= WHOLE_EVERY
    if until is not None and not is_whole:
        seen, created = set(state.get("seen", ())), 0
        for kind in kinds:
            found = _changes(workspace, kind, until - OVERLAP)
            created += sum(_is_new(item, until) for item in found) if kind is ISSUE_KIND else 0
            fresh.update(_recent(found, now))
            yield Reading(kind, [item for item in found if _mark(item) not in seen])
        # Fewer than there should be were purged, and more were never seen.
        is_whole = ISSUE_KIND in kinds and state["issue_count"] + created != counted
    if is_whole:
        for kind in kinds:
            yield from _everything(workspace, kind, fresh)
        state["whole_at"] = now.isoformat()
    yield Reading(ISSUE_KIND, counted={"issues": counted} if ISSUE_KIND in kinds else {})
    state["issue_count"] = counted
    state["read_until"] = state["vendor_now"] = now.isoformat()
    state["seen"] = sorted(fresh)


def _changes(workspace: Workspace, kind: Kind, since: datetime) -> list[Item]:
    """What changed since a moment, and the issues that were put away since, unchanged."""
    bound = {"gte": since.isoformat()}
    wanted: Item = {"updatedAt": bound}
    if kind is ISSUE_KIND:
        wanted = {"or": [wanted, {"archivedAt": bound}]}
    found = {item["id"]: item for page in workspace.pages(kind, wanted) for item in page}
    return list(found.values())


def _everything(workspace: Workspace, kind: Kind, fresh: set[str]) -> Iterator[Reading]:
    ids: set[str] = set()
    for page in workspace.pages(kind):
        ids.update(item["id"] for item in page)
        fresh.update(_recent(page, workspace.api.now))
        yield Reading(kind, page)
    yield Reading(kind, counted={kind.table.name: len(ids)})
    digests = dlt.current.source_state().setdefault("listed", {})
    if digests.get(kind.table.name) != (digest := digest_of([{"id": key} for key in sorted(ids)])):
        digests[kind.table.name] = digest
        yield Reading(kind, listed=sorted(ids))


def _is_new(item: Item, until: datetime) -> bool:
    return datetime.fromisoformat(item["created_at"]) > until


def _recent(items: Iterable[Item], now: datetime) -> Iterator[str]:
    """Marks of what changed so lately that the next load meets it again."""
    since = now - OVERLAP
    for item in items:
        moments = (item["updated_at"], item["archived_at"])
        if any(each and datetime.fromisoformat(each) >= since for each in moments):
            yield _mark(item)


def _mark(item: Item) -> str:
    return f"{item['id']} {digest_of([item])[:12]}"


def _rows_of(
    kind: Kind, rows: Callable[[Item], Iterator[Row]], reading: Reading
) -> Iterator[Sequence[Row]]:
    if reading.kind is kind and reading.items:
        yield [row for item in reading.items for row in rows(item)]


def _plain(item: Item) -> Iterator[Row]:
    yield item


def _without_erased(people: Pseudonyms, column: str, item: Item) -> Iterator[Row]:
    """A row without the addresses of people who were erased here."""
    text = item[column]
    yield {**item, column: people.without_erased(text) if isinstance(text, str) else text}


def _keys(customer: Item) -> Iterator[Row]:
    # A key of its own for what empties a customer, for one without keys must lose those it had.
    yield {"customer": customer["id"], "key_type": "", "value": "", "is_deleted": True}
    for column, key_type in (("domains", "domain"), ("external_ids", "external_id")):
        found = customer[column] or []
        # What is no list any more is for the table to refuse.
        for value in dict.fromkeys(found) if isinstance(found, list) else [found]:
            yield {"customer": customer["id"], "key_type": key_type, "value": value}


def _listed(reading: Reading, now: datetime) -> Iterator[Sequence[Row]]:
    """The ids of all that is there; one without an id keeps the time of an empty list."""
    if reading.listed is not None:
        rows = {"object_type": reading.kind.table.name, "listed_at": now}
        yield [{**rows, "id": key} for key in ("", *reading.listed)]


def _counts(reading: Reading, now: datetime) -> Sequence[Row]:
    return [
        {"table_name": name, "scope": "all", "source_count": count, "counted_at": now}
        for name, count in reading.counted.items()
    ]
