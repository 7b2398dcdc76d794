"""Linear: customers and what they need, issues, projects, teams and states, asked for in GraphQL.

Lists come newest first, a page ends at a cursor and not at a number, and what was archived or put
into the bin is left out unless it is asked for.
"""

import hashlib
import math
import operator
import re
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    execute_sync,
    get_named_type,
    parse,
    validate,
)
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.company import Company, crm_ids, identifiers
from simulator.faults import bend_rows, drifts
from simulator.linear_schema import TYPES, schema
from simulator.wire import Clock, Limit, Refusal, Row, answer, bends, json_body, known_keys, take

TOKEN = "lin_api_demo"
URL = "https://linear.app/demo"
PAGE, LARGEST_PAGE = 50, 250
MOST_COMPLEX = 10_000
POINTS_AN_HOUR, REQUESTS_AN_HOUR, HOUR = 250_000, 5_000, 3600.0
BIN_DAYS = timedelta(days=30)
# Sales people and community managers write into Linear what customers ask them for.
CHANNELS = ("sales_call", "community")
PRIORITIES = ("No priority", "Urgent", "High", "Normal", "Low")
# Name, type and colour of each team's states, in their order on the board.
STATES = (
    ("Backlog", "backlog", "#bec2c8"),
    ("Todo", "unstarted", "#e2e2e2"),
    ("In Progress", "started", "#f2c94c"),
    ("Done", "completed", "#5e6ad2"),
    ("Canceled", "canceled", "#95a2b3"),
)
# A field of each type that a drift of the vendor's changes or takes away.
DRIFTING = {
    "customers": "revenue",
    "customerNeeds": "priority",
    "issues": "estimate",
    "projects": "state",
    "teams": "key",
    "workflowStates": "type",
}


def refuse(name: str, message: str) -> Refusal:
    said = f"{name} {message}".strip()
    return Refusal(400, _errors("Argument Validation Error", "INPUT_ERROR", said))


def _errors(message: str, code: str, said: str = "", user: bool = True) -> Row:
    kinds = {
        "AUTHENTICATION_ERROR": "authentication error",
        "INPUT_ERROR": "invalid input",
        "RATELIMITED": "ratelimited",
        "INTERNAL_SERVER_ERROR": "internal error",
    }
    extensions = {
        "type": kinds.get(code, "graphql error"),
        "code": code,
        "userError": user,
        "userPresentableMessage": said or message,
    }
    return {"errors": [{"message": message, "extensions": extensions}]}


def _id(*parts: object) -> str:
    """An id in the form of a version-4 UUID, always the same for the same thing."""
    digits = hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def _iso(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else moment.date().isoformat()


def _by(now: datetime, *moments: datetime | None) -> list[datetime]:
    return [moment for moment in moments if moment is not None and moment <= now]


def _past(now: datetime, moment: datetime | None) -> datetime | None:
    return moment if moment is not None and moment <= now else None


@dataclass(frozen=True)
class Entry:
    """One object: since when it is there, and how it looks at a moment (None: it is gone)."""

    id: str
    created: datetime
    told: Callable[[datetime], Row | None]


class Workspace:
    """A company's work and what its customers ask for, as Linear would keep it."""

    def __init__(self, company: Company) -> None:
        self._start = datetime.fromtimestamp(company.window_start / 1_000_000, UTC)
        self._crm = crm_ids(company)
        self._accounts = {row["account_id"]: row for row in company.accounts}
        self._links = {row["feedback_id"]: row for row in company.feedback_links}
        self._needs = [row for row in company.feedback if row["channel"] in CHANNELS]
        self._keys = sorted({row["team"] for row in company.issues}) or ["ENG"]
        self._terms = _by_account(company.subscriptions)
        self._asked = _by_account(self._needs)
        self._snapshot: tuple[datetime, dict[str, dict[str, Row]]] | None = None
        self.entries: dict[str, list[Entry]] = {
            "teams": [Entry(_id("team", key), self._start, self._team(key)) for key in self._keys],
            "workflowStates": list(self._states()),
            "projects": [
                Entry(_id("project", row["project_id"]), row["created_at"], self._project(row))
                for row in company.projects
            ],
            "issues": list(self._issues(company)),
            "customers": list(self._customers()),
            "customerNeeds": [
                Entry(_id("need", row["feedback_id"]), row["created_at"], self._need(row))
                for row in self._needs
            ],
        }

    def at(self, now: datetime) -> dict[str, dict[str, Row]]:
        """Every object there is at a moment, by its field of Query and its id."""
        if self._snapshot is None or self._snapshot[0] != now:
            found: dict[str, dict[str, Row]] = {}
            for field, entries in self.entries.items():
                told = ((entry.id, entry.told(now)) for entry in entries if entry.created <= now)
                found[field] = {key: row for key, row in told if row is not None}
            _join(found)
            self._snapshot = (now, found)
        return self._snapshot[1]

    def _team(self, key: str) -> Callable[[datetime], Row]:
        return lambda now: {
            **_node(_id("team", key), self._start, self._start),
            "key": key,
            "name": key,
            "displayName": key,
            "timezone": "UTC",
        }

    def _states(self) -> Iterator[Entry]:
        for key in self._keys:
            for position, (name, kind, color) in enumerate(STATES):
                row = {
                    **_node(_id("state", key, kind), self._start, self._start),
                    "name": name,
                    "type": kind,
                    "position": position,
                    "color": color,
                    "team": _id("team", key),
                }
                yield Entry(row["id"], self._start, _always(row))

    def _issues(self, company: Company) -> Iterator[Entry]:
        called = identifiers(company)
        for row in sorted(company.issues, key=lambda each: (each["created_at"], each["issue_id"])):
            told = self._issue(row, called[row["issue_id"]])
            yield Entry(_id("issue", row["issue_id"]), row["created_at"], told)

    def _issue(self, row: Row, identifier: str) -> Callable[[datetime], Row | None]:
        number = int(identifier.rpartition("-")[2])
        project = row["project_id"] and _id("project", row["project_id"])

        def told(now: datetime) -> Row | None:
            node = _work(row, "issue", row["issue_id"], now)
            kind = _state(row, now)
            return node and {
                **node,
                "identifier": identifier,
                "number": number,
                "title": row["title"],
                "priority": row["priority"],
                "priorityLabel": PRIORITIES[row["priority"]],
                "estimate": row["estimate"],
                "state": _id("state", row["team"], kind),
                "team": _id("team", row["team"]),
                "project": project,
                "url": f"{URL}/issue/{identifier}",
            }

        return told

    def _project(self, row: Row) -> Callable[[datetime], Row | None]:
        slug = _id("slug", row["project_id"])[:12]

        def told(now: datetime) -> Row | None:
            node = _work(row, "project", row["project_id"], now)
            done = _past(now, row["completed_at"])
            return node and {
                **node,
                "name": row["name"],
                "description": row["description"] or "",
                "slugId": slug,
                "state": _project_state(row, now),
                "priority": row["priority"],
                "progress": 1.0 if done else 0.0,
                "startDate": _day(row["started_at"]),
                "targetDate": _day(row["target_at"]),
                "url": f"{URL}/project/{slug}",
            }

        return told

    def _customers(self) -> Iterator[Entry]:
        """Accounts become customers with their first subscription or request."""
        first: dict[str, datetime] = {}
        for account in {*self._terms, *self._asked}:
            moments = [row["started_at"] for row in self._terms.get(account, ())]
            first[account] = min(moments + [r["created_at"] for r in self._asked.get(account, ())])
        for account, created in first.items():
            yield Entry(_id("customer", account), created, self._customer(account, created))

    def _customer(self, account: str, created: datetime) -> Callable[[datetime], Row | None]:
        row, terms = self._accounts.get(account, {}), self._terms.get(account, [])
        domain, closed = row.get("domain"), row.get("closed_at")
        domains, external = self._known_as(account, domain)

        def told(now: datetime) -> Row | None:
            if closed and closed <= now:
                return None
            running = [
                term
                for term in terms
                if term["started_at"] <= now and not _past(now, term["ended_at"])
            ]
            moved = _by(now, *(t[each] for t in terms for each in ("started_at", "ended_at")))
            cents = sum(term["seats"] * term["unit_price"] for term in running)
            asked = self._asked.get(account, ())
            return {
                **_node(_id("customer", account), created, max([created, *moved])),
                "name": row.get("name") or account,
                "domains": domains,
                "externalIds": external,
                "revenue": cents * 12 // 100 if running else None,
                "size": sum(term["seats"] for term in running) or None,
                "approximateNeedCount": sum(need["created_at"] <= now for need in asked),
                "slugId": _id("slug", account)[:12],
                "url": f"{URL}/customer/{_id('slug', account)[:12]}",
            }

        return told

    def _known_as(self, account: str, domain: str | None) -> tuple[list[str], list[str]]:
        """Most were taken over from the CRM, some were typed in, and a few have only a name."""
        habit = zlib.crc32(f"linear:{account}".encode()) % 20
        if habit < 12 and domain in self._crm:
            return [domain], [self._crm[domain]]
        if domain and habit < 17:
            return [domain], []
        return [], [account] if habit < 19 else []

    def _need(self, row: Row) -> Callable[[datetime], Row | None]:
        link, deleted = self._links.get(row["feedback_id"], {}), row["deleted_at"]
        customer = _id("customer", row["account_id"])
        closed = self._accounts.get(row["account_id"], {}).get("closed_at")
        linked = link.get("linked_at") or row["created_at"]

        def told(now: datetime) -> Row | None:
            if _by(now, deleted, closed):
                return None
            is_linked = bool(link) and linked <= now
            return {
                **_node(
                    _id("need", row["feedback_id"]),
                    row["created_at"],
                    max(row["created_at"], linked) if is_linked else row["created_at"],
                ),
                "body": row["text"],
                "priority": int(is_linked and bool(link.get("is_important"))),
                "customer": customer,
                "issue": _id("issue", link["issue_id"]) if is_linked and link["issue_id"] else None,
                "project": (
                    _id("project", link["project_id"]) if is_linked and link["project_id"] else None
                ),
                "url": None,
            }

        return told


def _by_account(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["account_id"]].append(row)
    return dict(found)


def _always(row: Row) -> Callable[[datetime], Row]:
    return lambda now: dict(row)


def _node(key: str, created: datetime, updated: datetime, archived: datetime | None = None) -> Row:
    return {
        "id": key,
        "createdAt": _iso(created),
        "updatedAt": _iso(updated),
        "archivedAt": _iso(archived),
    }


def _work(row: Row, kind: str, key: str, now: datetime) -> Row | None:
    """What issues and projects have in common; None once the bin was emptied."""
    binned = row["trashed_at"]
    if binned and binned + BIN_DAYS <= now:
        return None
    moved = _by(now, row["created_at"], row["started_at"], row["completed_at"], row["canceled_at"])
    # Putting away is no change to the thing itself: the time of its last change stays.
    put_away = _by(now, row["archived_at"], binned)
    node = _node(_id(kind, key), row["created_at"], max(moved), min(put_away, default=None))
    times = {
        f"{name}At": _iso(_past(now, row[f"{name}_at"]))
        for name in ("started", "completed", "canceled")
    }
    return {**node, **times, "trashed": True if binned and binned <= now else None}


def _state(row: Row, now: datetime) -> str:
    for kind in ("canceled", "completed", "started"):
        if _past(now, row[f"{kind}_at"]):
            return kind
    return "backlog" if row["estimate"] is None else "unstarted"


def _project_state(row: Row, now: datetime) -> str:
    for kind in ("canceled", "completed", "started"):
        if _past(now, row[f"{kind}_at"]):
            return kind
    return "planned" if row["target_at"] else "backlog"


def _join(found: dict[str, dict[str, Row]]) -> None:
    """Put each object in the place of its id; what is gone is null there."""
    of = {
        "team": "teams",
        "state": "workflowStates",
        "project": "projects",
        "issue": "issues",
        "customer": "customers",
    }
    for field in ("workflowStates", "issues", "customerNeeds"):
        for row in found[field].values():
            row |= {name: found[kind].get(row[name]) for name, kind in of.items() if name in row}
    asked: dict[str, int] = defaultdict(int)
    for need in found["customerNeeds"].values():
        asked[need["issue"]["id"] if need["issue"] else ""] += 1
    for row in found["issues"].values():
        row["customerTicketCount"] = asked[row["id"]]
    for team in found["teams"].values():
        team["issueCount"] = _counting([r for r in found["issues"].values() if r["team"] is team])


def _counting(issues: Sequence[Row]) -> Callable[..., int]:
    # Any: graphql-core calls it with what it resolves.
    def count(info: Any, includeArchived: bool = False) -> int:  # noqa: N803 - Linear's own name
        return sum(includeArchived or row["archivedAt"] is None for row in issues)

    return count


class Linear:
    """The part of the server that answers as api.linear.app."""

    name = "linear"

    def __init__(self, company: Company, clock: Clock) -> None:
        self._clock = clock
        self._company = company
        self.limits = [Limit("requests", REQUESTS_AN_HOUR, HOUR, re.compile(""))]
        self._spent: list[tuple[float, int]] = []

    # Not before it is asked: a large company that nobody plans for should start no later.
    @cached_property
    def _workspace(self) -> Workspace:
        return Workspace(self._company)

    def owns(self, path: str) -> bool:
        return path == "/graphql"

    def routes(self) -> list[Route]:
        return [Route("/graphql", self.answer, methods=["POST"])]

    def authorise(self, request: Request) -> None:
        # A personal key comes as it is, a token of OAuth as a bearer.
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if given != TOKEN:
            raise self.refusal(401)

    def headers(self, path: str) -> dict[str, str]:
        left = max(0, REQUESTS_AN_HOUR - self.limits[0].used())
        return {
            "X-RateLimit-Requests-Limit": str(REQUESTS_AN_HOUR),
            "X-RateLimit-Requests-Remaining": str(left),
            "X-RateLimit-Requests-Reset": str(int((time.time() + HOUR) * 1000)),
        }

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        if status == 401:
            said = "You need to authenticate to access this operation."
            body = _errors(
                "Authentication required, not authenticated", "AUTHENTICATION_ERROR", said
            )
            return Refusal(401, body)
        if status == 429:
            # Too many requests are a 400 here, and only the code tells why.
            said = "Rate limit exceeded. Only 5000 requests are allowed per 1 hour."
            return Refusal(400, _errors("Rate limit exceeded", "RATELIMITED", detail or said))
        if status >= 500:
            message = detail or "Internal server error"
            return Refusal(status, _errors(message, "INTERNAL_SERVER_ERROR", user=False))
        return Refusal(status, _errors(detail or "Not found", "INPUT_ERROR"))

    async def answer(self, request: Request) -> Response:
        body = await json_body(request, refuse)
        known_keys(body, ("query", "variables", "operationName", "extensions"), refuse)
        query = take(body, "query", str, refuse, required=True)
        asked = drifts(bends(request))
        fields = [name for name in TYPES if re.search(rf"\b{name}\b", query)]
        gone = ""
        if "dropped-column" in asked and fields:
            gone = f"{TYPES[fields[0]]}.{DRIFTING[fields[0]]}"
        served = schema(gone)
        document = _document(query, served)
        variables = body.get("variables") or {}
        points = _complexity(document, served, variables)
        self._pay(request, points)
        page = Page(self._workspace.at(self._clock.now), request)
        done = execute_sync(
            served,
            document,
            root_value={name: page.of(name) for name in TYPES} | {"viewer": _VIEWER},
            variable_values=variables,
            operation_name=body.get("operationName"),
        )
        if done.errors:
            raise _refused(done.errors)
        found = done.data or {}
        if "changed-type" in asked:
            for name in fields:
                _retype(found.get(name) or {}, DRIFTING[name])
        return answer({"data": found}, headers=self._points_left(points))

    def _pay(self, request: Request, points: int) -> None:
        if points > MOST_COMPLEX:
            said = f"Query too complex: {points} points of {MOST_COMPLEX}"
            raise Refusal(400, _errors("Query too complex", "INPUT_ERROR", said))
        since = time.monotonic() - HOUR
        self._spent = [(at, spent) for at, spent in self._spent if at > since]
        left = POINTS_AN_HOUR - sum(spent for _, spent in self._spent)
        if request.scope.get("rate_limits") and points > left:
            said = f"Rate limit exceeded. Only {POINTS_AN_HOUR} points are allowed per 1 hour."
            raise self.refusal(429, said)
        self._spent.append((time.monotonic(), points))

    def _points_left(self, points: int) -> dict[str, str]:
        spent = sum(spent for _, spent in self._spent)
        return {
            "X-Complexity": str(points),
            "X-RateLimit-Complexity-Limit": str(POINTS_AN_HOUR),
            "X-RateLimit-Complexity-Remaining": str(max(0, POINTS_AN_HOUR - spent)),
            "X-RateLimit-Complexity-Reset": str(int((time.time() + HOUR) * 1000)),
        }


_VIEWER = {
    "id": _id("user", "viewer"),
    "name": "Product Operations",
    "displayName": "productops",
    "email": "ops@lanternfish.example",
    "active": True,
}


def _document(query: str, served: GraphQLSchema) -> DocumentNode:
    try:
        document = parse(query)
    except GraphQLError as error:
        raise _refused([error], "GRAPHQL_PARSE_FAILED") from error
    operations = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    if any(each.operation is not OperationType.QUERY for each in operations):
        other = GraphQLError("Only queries are served here; nothing can be changed.")
        raise _refused([other], "GRAPHQL_VALIDATION_FAILED")
    if errors := validate(served, document):
        raise _refused(errors, "GRAPHQL_VALIDATION_FAILED")
    return document


def _refused(errors: Sequence[GraphQLError], code: str = "BAD_USER_INPUT") -> Refusal:
    for error in errors:
        if isinstance(error.original_error, Refusal):
            return error.original_error
    return Refusal(400, {"errors": [_errors(error.message, code)["errors"][0] for error in errors]})


def _complexity(document: DocumentNode, served: GraphQLSchema, variables: Row) -> int:
    """Points of a query: a tenth a value, one an object, and what a list holds times its length."""
    fragments = {
        node.name.value: node.selection_set
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }

    # Any: a type of the schema that has fields.
    def points(selected: SelectionSetNode, of: Any) -> float:
        total = 0.0
        for node in selected.selections:
            if isinstance(node, FragmentSpreadNode):
                total += points(fragments[node.name.value], of)
            elif isinstance(node, InlineFragmentNode):
                total += points(node.selection_set, of)
            elif isinstance(node, FieldNode) and node.selection_set is None:
                total += 0.1
            elif isinstance(node, FieldNode) and node.selection_set:
                inner = get_named_type(of.fields[node.name.value].type)
                length = _length(node, variables) if inner.name.endswith("Connection") else 1
                total += length * (1 + points(node.selection_set, inner))
        return total

    operations = (n for n in document.definitions if isinstance(n, OperationDefinitionNode))
    return math.ceil(sum(points(each.selection_set, served.query_type) for each in operations))


def _length(node: FieldNode, variables: Row) -> int:
    """The number of rows that a list is asked for."""
    for argument in node.arguments:
        if argument.name.value in ("first", "last"):
            given = argument.value
            if isinstance(given, VariableNode):
                value = variables.get(given.name.value)
            else:
                value = getattr(given, "value", None)
            # One of another type is refused when the query is carried out.
            return int(str(value)) if str(value).isdigit() else PAGE
    return PAGE


@dataclass(frozen=True)
class Page:
    """Lists of what there is at the moment of a request."""

    found: dict[str, dict[str, Row]]
    request: Request

    def of(self, field: str) -> Callable[..., Row]:
        # Any: graphql-core calls it with what it resolves and the arguments of the query.
        return lambda info, **arguments: self._connection(field, arguments)

    def _connection(self, field: str, asked: Mapping[str, Any]) -> Row:
        rows = self._rows(field, asked)
        place = {row["id"]: number for number, row in enumerate(rows)}
        low, high = 0, len(rows)
        for name in ("after", "before"):
            cursor = asked.get(name)
            if cursor is None:
                continue
            if cursor not in place:
                raise refuse(name, f"is not a cursor of this list: {cursor!r}")
            low, high = (place[cursor] + 1, high) if name == "after" else (low, place[cursor])
        first, last = (_size(asked, name) for name in ("first", "last"))
        if first is not None and last is not None:
            raise refuse("last", "excludes first: give one of the two")
        start, end = low, high
        if last is not None:
            start = max(low, high - last)
        else:
            end = min(high, low + (PAGE if first is None else first))
        page = rows[start:end]
        bent = bend_rows(page, bends(self.request), lambda row: row["updatedAt"])
        return {
            "nodes": bent,
            "edges": [{"cursor": row["id"], "node": row} for row in bent],
            "pageInfo": {
                "startCursor": page[0]["id"] if page else None,
                "endCursor": page[-1]["id"] if page else None,
                "hasNextPage": end < len(rows),
                "hasPreviousPage": start > 0,
            },
        }

    def _rows(self, field: str, asked: Mapping[str, Any]) -> list[Row]:
        wanted = asked.get("filter")
        order = asked.get("orderBy") or "createdAt"
        rows = [
            row
            for row in self.found[field].values()
            if (asked.get("includeArchived") or row["archivedAt"] is None)
            and (wanted is None or _passes(row, wanted))
        ]
        return sorted(rows, key=lambda row: (row[order], row["id"]), reverse=True)


def _size(asked: Mapping[str, Any], name: str) -> int | None:
    value: int | None = asked.get(name)
    if value is not None and not 1 <= value <= LARGEST_PAGE:
        raise refuse(name, f"must be between 1 and {LARGEST_PAGE}, not {value}")
    return value


def _passes(row: Row, wanted: Mapping[str, Any]) -> bool:
    for name, rule in wanted.items():
        if name == "and":
            passed = all(_passes(row, each) for each in rule)
        elif name == "or":
            passed = any(_passes(row, each) for each in rule)
        else:
            passed = all(_agrees(row[name], name, key, value) for key, value in rule.items())
        if not passed:
            return False
    return True


# Any: ids, lists of them, times or a flag, as the schema has it.
def _agrees(found: str | None, name: str, key: str, value: Any) -> bool:
    if key == "null":
        return (found is None) is value
    if key in ("in", "nin"):
        return (found in value) is (key == "in")
    bound = value if name == "id" else _moment(name, value)
    if found is None:
        return key == "neq"
    return _COMPARED[key](found, bound)


_COMPARED: dict[str, Callable[[str, str], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _moment(name: str, value: object) -> str:
    """A bound of a filter, written as the times it is compared with."""
    try:
        text = str(value)
        read = datetime.fromisoformat(f"{text}-01-01" if re.fullmatch(r"\d{4}", text) else text)
    except ValueError as error:
        raise refuse(name, f"must be a time such as 2026-06-30T12:00:00Z, not {value!r}") from error
    return str(_iso(read.replace(tzinfo=UTC) if read.tzinfo is None else read))


def _retype(listed: Row, name: str) -> None:
    """Give a value another type, as if the vendor had changed it without telling anyone."""
    nodes = [*listed.get("nodes", ()), *(edge.get("node", {}) for edge in listed.get("edges", ()))]
    for node in nodes:
        if name in node:
            node[name] = {"value": node[name]}
